"""Makes text from a file, a caller or a server safe to print on a terminal."""


def printable(text: object) -> str:
    r"""Return `text` on one line, with unprintable characters escaped as in Python, for example `\x1b`.

    Control characters and line ends move the cursor and forge lines; format characters can reorder the text that is
    read (those for the direction of writing); lone surrogates cannot be printed at all.
    """
    characters = str(text)
    if characters.isprintable():
        return characters
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in characters)
