"""Fixtures for the tests of origins."""

from resistance_assets_tests.loopback import loopback as loopback
