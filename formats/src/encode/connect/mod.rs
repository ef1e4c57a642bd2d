//! A column's type as a schema of Kafka Connect, and its value in the physical form of that: the inverse of
//! [`crate::connect`].
//!
//! Comes in: a [`Field`](crate::Field) and a [`Value`](crate::Value). Goes out: a [`Schema`] and a [`ConnectValue`], which
//! say nothing about how they are written: JSON is one way.

mod schema;
mod shape;
mod unavailable;
mod value;

pub(super) use schema::{Schema, Type, wire_type};
pub(super) use unavailable::placeholder;
pub(super) use value::{ConnectValue, connect_value, kind, shape_value};
