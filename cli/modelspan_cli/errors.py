"""What a command says when it cannot do what was asked."""


class CommandError(Exception):
    """A failure to show to the user as one sentence, with a hint at what to do next."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint
