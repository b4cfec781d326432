"""Reading options the way a process does, with every place they may be set under the test's control."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from wallflower.config import Options, load_options

Load = Callable[..., Options]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """`load_options` from texts: `yaml` and `addon` are the contents of the two files, None for no file."""

    def load_from(
        *,
        yaml: str | bytes | None = None,
        addon: Any = None,
        env: Mapping[str, str] | None = None,
        flags: Mapping[str, Any] | None = None,
    ) -> Options:
        config = None
        if yaml is not None:
            config = tmp_path / "wallflower.yaml"
            config.write_bytes(yaml.encode() if isinstance(yaml, str) else yaml)
        addon_options = tmp_path / "options.json"
        if addon is not None:
            addon_options.write_text(addon if isinstance(addon, str) else json.dumps(addon), "utf-8")
        return load_options(
            flags=flags,
            config=None if config is None else str(config),
            environment=env or {},
            addon_options=addon_options,
        )

    return load_from
