//! [`Tool`]: what a command put into the guest's store to see what it does.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use lineal::{
    Access, Accesses, Batch, Call, Config, Ending, GlobalSet, Growth, Instantiated, Moment,
    Observe, Observer,
};
use lineal_insight::blame::Blame;
use lineal_insight::check::Check;
use lineal_insight::heap::Profiler;
use lineal_insight::heat::Heat;
use lineal_insight::recent::Recent;
use lineal_insight::snapshot::Snapshotter;
use lineal_insight::trace::Recorder;
use lineal_insight::watch::Watch;

/// The tools of a run; most runs have none.
#[derive(Debug, Default)]
pub(crate) struct Tool {
    pub(crate) watch: Option<Watch>,
    pub(crate) blame: Option<Blame>,
    pub(crate) heat: Option<Heat>,
    pub(crate) trace: Option<Recorder>,
    pub(crate) check: Option<Check>,
    pub(crate) heap: Option<Profiler>,
    pub(crate) snapshot: Option<Snapshotter>,
    pub(crate) recent: Option<Recent>,
}

/// The tools of a run. All threads of a guest have the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedTool(Arc<Mutex<Tool>>);

impl From<Tool> for SharedTool {
    fn from(tool: Tool) -> SharedTool {
        SharedTool(Arc::new(Mutex::new(tool)))
    }
}

impl SharedTool {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Tool> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the tools of a run need to be told.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Needs {
    pub(crate) interest: bool,
    pub(crate) all: bool,
    pub(crate) writers: bool,
}

impl Needs {
    /// Makes an engine report it. Without needs, it reports nothing.
    pub(crate) fn configure(self, config: &mut Config) {
        let accesses = match self {
            Needs { all: true, .. } => Accesses::All,
            Needs { interest: true, .. } => Accesses::OfInterest,
            Needs { writers: true, .. } => Accesses::None,
            Needs { .. } => return,
        };
        config.observe(Observe::new().accesses(accesses).batched(self.all).writers(self.writers));
    }
}

impl Tool {
    fn observers(&mut self) -> impl Iterator<Item = &mut dyn Observer> {
        let Tool { watch, blame, heat, trace, check, heap, snapshot, recent } = self;
        let watch = watch.as_mut().map(|it| it as &mut dyn Observer);
        let blame = blame.as_mut().map(|it| it as &mut dyn Observer);
        let heat = heat.as_mut().map(|it| it as &mut dyn Observer);
        let trace = trace.as_mut().map(|it| it as &mut dyn Observer);
        let check = check.as_mut().map(|it| it as &mut dyn Observer);
        let heap = heap.as_mut().map(|it| it as &mut dyn Observer);
        let snapshot = snapshot.as_mut().map(|it| it as &mut dyn Observer);
        let recent = recent.as_mut().map(|it| it as &mut dyn Observer);
        [watch, blame, heat, trace, check, heap, snapshot, recent].into_iter().flatten()
    }
}

impl Observer for SharedTool {
    fn instantiated(&mut self, moment: &mut Moment<'_>, instance: &Instantiated<'_>) -> Result<()> {
        self.lock().observers().try_for_each(|it| it.instantiated(moment, instance))
    }

    fn access(&mut self, moment: &mut Moment<'_>, access: &Access<'_>) -> Result<()> {
        self.lock().observers().try_for_each(|it| it.access(moment, access))
    }

    fn accesses(&mut self, moment: &mut Moment<'_>, batch: &Batch<'_>) -> Result<()> {
        self.lock().observers().try_for_each(|it| it.accesses(moment, batch))
    }

    fn grew(&mut self, moment: &mut Moment<'_>, growth: &Growth) -> Result<()> {
        self.lock().observers().try_for_each(|it| it.grew(moment, growth))
    }

    fn entered(&mut self, moment: &mut Moment<'_>, call: &mut Call<'_>) -> Result<()> {
        self.lock().observers().try_for_each(|it| it.entered(moment, call))
    }

    fn returned(&mut self, moment: &mut Moment<'_>, call: &mut Call<'_>) -> Result<()> {
        self.lock().observers().try_for_each(|it| it.returned(moment, call))
    }

    fn global_set(&mut self, moment: &mut Moment<'_>, set: &GlobalSet) -> Result<()> {
        self.lock().observers().try_for_each(|it| it.global_set(moment, set))
    }

    fn unwound(&mut self, moment: &mut Moment<'_>, height: u64) -> Result<()> {
        self.lock().observers().try_for_each(|it| it.unwound(moment, height))
    }

    fn ended(&mut self, moment: &mut Moment<'_>, ending: Ending) -> Result<()> {
        self.lock().observers().try_for_each(|it| it.ended(moment, ending))
    }
}
