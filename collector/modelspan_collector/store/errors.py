"""What can go wrong between modelspan and its store.

StoreError
├── StoreUnavailableError   the engine or server cannot be reached, or is owned by another process
├── StoreFullError     its disk has no room for a change
└── SchemaError        the schema on disk is not one this version can use
"""


class StoreError(Exception):
    """Base of every error of the store; its message says what to do next."""


class FolderError(ValueError, StoreError):
    """A folder that was named cannot be had: who named it names another."""


class StoreUnavailableError(StoreError):
    """The store cannot be opened or reached now."""


class StoreFullError(StoreError):
    """The disk of the store has no room for what was asked."""


class SchemaError(StoreError):
    """The store's schema does not fit this version of modelspan."""
