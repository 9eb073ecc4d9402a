//! In-process servers, simulation and history checkers for tests.

pub mod broker_sim;
pub mod seeds;
pub mod store_sim;
