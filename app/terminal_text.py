"""Text from a file, a caller or a server, made safe to be printed on a terminal."""


def printable(text: object) -> str:
    r"""Return `text` on one line, with what a terminal would act on or not show escaped as in Python, `\x1b` for one.

    Escaped are control characters and line ends, since they move the cursor and make up lines; format characters, since
    those for the direction of writing reorder what is read; and lone surrogates, which cannot be printed at all.
    """
    characters = str(text)
    if characters.isprintable():
        return characters
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in characters)
