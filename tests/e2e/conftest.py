"""Fixtures of the end-to-end tests.

    TENDRIL_BUILDDIR=.../build /usr/bin/python3 -m pytest tests/e2e

Root is needed, because Postfix needs it. `world` is one bed for the whole run
without Tendril, `system` one with milter and agent; both are emptied of mail
before each test, the ledger is not. A test that changes conf or stops daemons
makes its own bed with `make_bed`; TENDRIL_KEEP=1 keeps the folders of those.
"""

import os
import pathlib

import pytest

from bed import bed as beds
from bed import web


def pytest_configure(config):
    os.umask(0o022)  # as a service manager sets it: Postfix needs no less
    config.addinivalue_line("markers", "long: only contrib/check --full")


@pytest.fixture(scope="session")
def build():
    """The folder the programs were built in."""
    folder = os.environ.get("TENDRIL_BUILDDIR")
    if not folder:
        pytest.fail("TENDRIL_BUILDDIR does not name a build folder")
    return pathlib.Path(folder)


@pytest.fixture
def make_bed():
    """Function that makes a bed which is closed after the test."""
    made = []

    def make(*args, **options):
        options.setdefault("keep", bool(os.environ.get("TENDRIL_KEEP")))
        made.append(beds.Bed(*args, **options))
        return made[-1]

    yield make
    for one in made:
        one.stop_and_look()
        one.close()


@pytest.fixture(scope="session")
def _world():
    with beds.Bed() as one:
        one.start_hub()
        one.start_late()
        yield one


@pytest.fixture
def world(_world):
    """MTAs and the outside, no Tendril."""
    _world.reset()
    return _world


@pytest.fixture(scope="session")
def _system(build):
    with beds.Bed(build) as one:
        one.start_milter()
        one.start_agent()
        one.start_hub()
        one.start_late()
        yield one


@pytest.fixture
def system(_system):
    """The company's MTA with Tendril beside it; the outside."""
    _system.reset()
    return _system


@pytest.fixture
def sink(system):
    return system.sink


@pytest.fixture
def postfix(system):
    return system.hub


@pytest.fixture
def milter(system):
    return system.tendril.milter


@pytest.fixture
def agent(system):
    return system.tendril.agent


@pytest.fixture
def api(system):
    """/v1 as root."""
    return web.Api(system.conf.api)


@pytest.fixture
def conf(system):
    return system.conf


@pytest.fixture
def keys(system):
    return system.keys
