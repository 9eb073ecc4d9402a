//! In-process servers, simulation and history checkers for tests.
