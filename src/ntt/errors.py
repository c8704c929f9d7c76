"""Errors that a user caused and can mend."""


class InputError(Exception):
    """Bad input, said in one line that names the file, the field and the fix.

    Commands print the message without a traceback and exit with code 2
    (``ntt.debug=true`` shows the traceback).
    """
