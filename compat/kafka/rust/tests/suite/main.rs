//! One binary for all tests, so that they run side by side.

mod admin;
mod consume;
mod groups;
mod produce;
