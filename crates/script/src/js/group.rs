//! [`Group`]: what lives and dies together.
//!
//! The script's engine counts references and finds cycles among its objects; the WebAssembly
//! engine keeps entities until their region is freed. A group ties the two together. It is an
//! object of the script's heap, invisible to scripts, that stands for one region of the store: for
//! an instance with all that it defines, or for a memory, table, global or tag that the script
//! made.
//!
//! ```text
//! Memory, Table, …, exported function ──► Group ──► functions that the guest imports
//!                                          │  ▲     values that the guest holds (externref)
//!                                          ▼  │
//!                                   groups linked with it
//! ```
//!
//! Every object for something in the region has a reference to the group, and the group has one to
//! every value of the script's that the region holds. When a reference can get from one region
//! into another (an import, an element of a table, an argument), the two groups are linked, each
//! with a reference to the other. So a cycle through script and guest is a cycle of the script's
//! heap, which its engine finds and frees; the region follows.

use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;

use lineal::Region;
use rquickjs::class::{JsClass, Readable, Trace, Tracer};
use rquickjs::function::Constructor;
use rquickjs::{Class, Ctx, Object, Result};

use super::raw::{Identity, Values};

/// A region of the store, and what it holds of the script's.
pub(super) struct Group {
    pub(super) id: u64,
    pub(super) region: Region,
    pub(super) values: Rc<Values>,
    pub(super) linked: RefCell<HashSet<u64>>,
    pub(super) identity: Identity,
}

impl Drop for Group {
    fn drop(&mut self) {
        self.values.clear();
        self.identity.realm.group_died(self.id, self.region);
    }
}

impl<'js> Trace<'js> for Group {
    fn trace<'a>(&self, tracer: Tracer<'a, 'js>) {
        self.values.trace(tracer);
    }
}

impl<'js> JsClass<'js> for Group {
    const NAME: &'static str = "Group";
    type Mutable = Readable;

    fn prototype(_: &Ctx<'js>) -> Result<Option<Object<'js>>> {
        Ok(None)
    }

    fn constructor(_: &Ctx<'js>) -> Result<Option<Constructor<'js>>> {
        Ok(None)
    }
}

/// Ties the lives of two groups together, from now on.
pub(super) fn link<'js>(a: &Class<'js, Group>, b: &Class<'js, Group>) {
    let (first, second) = (a.borrow(), b.borrow());
    if first.id == second.id || !first.linked.borrow_mut().insert(second.id) {
        return;
    }
    second.linked.borrow_mut().insert(first.id);
    first.values.insert(b.clone().into_value());
    second.values.insert(a.clone().into_value());
}
