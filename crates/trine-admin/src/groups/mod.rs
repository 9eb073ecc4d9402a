//! `/v1/groups`.

mod delete;
mod list;
mod seek;
mod show;

pub(crate) use delete::delete;
pub(crate) use list::list;
pub(crate) use seek::seek;
pub(crate) use show::show;
