//! Buffers that are used again: a batch takes the one that a batch before it has left.
//!
//! An allocator gives memory of this size back to the system and takes it anew, or keeps more of it than is ever used at once.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

/// A larger buffer than this many bytes is not kept: it was for a record of unusual size.
const MAX_BYTES: usize = 16 << 20;

/// A vector whose memory goes to the next one that is made from it, once it is dropped.
#[derive(Debug)]
pub(super) struct Reused<T> {
    items: Vec<T>,
    left: Arc<Mutex<Vec<Vec<T>>>>,
}

impl<T> Reused<T> {
    /// An empty one: in memory that others have left, if they have, else with room for `capacity`.
    pub(super) fn next(&self, capacity: usize) -> Self {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Self { items: left.unwrap_or_else(|| Vec::with_capacity(capacity)), left: Arc::clone(&self.left) }
    }
}

impl<T> Default for Reused<T> {
    fn default() -> Self {
        Self { items: Vec::new(), left: Arc::default() }
    }
}

impl<T> Drop for Reused<T> {
    fn drop(&mut self) {
        let mut items = std::mem::take(&mut self.items);
        items.clear();
        let n_bytes = items.capacity() * size_of::<T>();
        if n_bytes > 0 && n_bytes <= MAX_BYTES {
            self.left.lock().unwrap_or_else(PoisonError::into_inner).push(items);
        }
    }
}

impl<T> Deref for Reused<T> {
    type Target = Vec<T>;

    fn deref(&self) -> &Vec<T> {
        &self.items
    }
}

impl<T> DerefMut for Reused<T> {
    fn deref_mut(&mut self) -> &mut Vec<T> {
        &mut self.items
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_goes_from_one_to_the_next() {
        let mut first = Reused::<u8>::default();
        first.extend_from_slice(&[1; 1_000]);
        let place = first.as_ptr();
        let mut second = first.next(10);
        assert!(second.capacity() >= 10);
        drop(first);
        let third = second.next(10);
        assert_eq!((third.as_ptr(), third.len()), (place, 0));
        second.reserve(MAX_BYTES + 1);
        drop(second);
        assert_eq!(third.next(10).capacity(), 10);
    }
}
