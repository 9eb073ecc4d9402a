//! CONFIG: the settings that clients, dashboards and test suites ask for. Trine's own are in its configuration file.

pub(crate) mod get;
mod parameters;
pub(crate) mod set;
pub(crate) mod stats;

pub(crate) use parameters::Overrides;
