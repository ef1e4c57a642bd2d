//! Where rows go.

pub mod kafka;
pub mod postgres;
pub mod stdout;
