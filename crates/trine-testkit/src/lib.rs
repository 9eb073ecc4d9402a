//! In-process servers, simulation and history checkers for tests.

pub mod store_sim;
