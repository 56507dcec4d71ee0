"""Check evidence offline: `python -m app.verify BUNDLE --key VKEY`."""

import sys

from app.verify.ringfence_verify import main

if __name__ == "__main__":
    sys.exit(main())
