"""The admin suite of kafka-python 3.x uses the fixtures of both versions."""

import importlib.util
import pathlib

_common = pathlib.Path(__file__).resolve().parent.parent / "kafka_python_any" / "conftest.py"
_spec = importlib.util.spec_from_file_location("kafka_python_any_conftest", _common)
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
globals().update({name: value for name, value in vars(_module).items() if not name.startswith("_")})
