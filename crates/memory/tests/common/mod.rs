//! What the test files share.

use lineal_memory::BackingKind;

/// The kinds of backing this build has.
pub(crate) fn backings() -> impl Iterator<Item = BackingKind> {
    [BackingKind::Heap, BackingKind::Reserved].into_iter().filter(|kind| kind.is_available())
}
