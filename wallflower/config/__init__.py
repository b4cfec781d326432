"""The options: what there is to set, where it may be set, and what is said when it is wrong."""

from wallflower.config.loading import load_options
from wallflower.config.options import Options, OptionsError

__all__ = ["Options", "OptionsError", "load_options"]
