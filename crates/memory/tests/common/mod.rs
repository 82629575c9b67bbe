//! What the test files share.

use lineal_memory::StoreKind;

/// The kinds of store this build has.
pub(crate) fn stores() -> impl Iterator<Item = StoreKind> {
    [StoreKind::Heap, StoreKind::Reserved].into_iter().filter(|kind| kind.is_available())
}
