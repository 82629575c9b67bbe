//! Answers of a limiter that may wait.
//!
//! What asks such a limiter cannot wait itself. It fails with [`NotAnswered`] instead, whoever runs it
//! waits for the answer, and runs it again: then the answer is here. Whatever is run like that changes
//! nothing before it has all its answers.

use std::fmt;
use std::ptr::NonNull;

use anyhow::{Error, Result};

use super::limiter::{ResourceLimiter, ResourceLimiterAsync};
use super::store::StoreCore;

/// The host's limiter, without its store's type parameter: the address of what decides, which is good
/// until the host's value is used again.
pub(crate) type AsyncLimiter =
    Box<dyn FnMut(NonNull<StoreCore>) -> NonNull<dyn ResourceLimiterAsync> + Send + Sync>;

/// A question whether something may grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    of_memory: bool,
    current: usize,
    desired: usize,
    maximum: Option<usize>,
}

impl Question {
    /// Asks a limiter.
    ///
    /// # Errors
    ///
    /// The limiter's.
    pub(crate) async fn ask(self, limiter: &mut dyn ResourceLimiterAsync) -> Result<bool> {
        let Question { of_memory, current, desired, maximum } = self;
        if of_memory {
            limiter.memory_growing(current, desired, maximum).await
        } else {
            limiter.table_growing(current, desired, maximum).await
        }
    }
}

/// The answers for what is run.
#[derive(Default)]
pub(crate) struct Answers {
    given: Vec<(Question, bool)>,
    /// How many of them were used.
    used: usize,
    /// What is to be asked.
    pub(crate) open: Option<Question>,
}

impl Answers {
    /// Forgets all of them.
    pub(crate) fn clear(&mut self) {
        self.given.clear();
        self.used = 0;
        self.open = None;
    }

    /// Keeps one more, for what is run again from its start.
    pub(crate) fn give(&mut self, question: Question, answer: bool) {
        self.given.push((question, answer));
        self.used = 0;
    }

    fn answer(&mut self, question: Question) -> Result<bool> {
        match self.given.get(self.used) {
            Some(&(asked, answer)) if asked == question => {
                self.used += 1;
                Ok(answer)
            }
            _ => {
                // What is left was for something else.
                self.given.truncate(self.used);
                self.open = Some(question);
                Err(Error::new(NotAnswered))
            }
        }
    }
}

/// Why something failed that a limiter has to be asked for first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NotAnswered;

impl fmt::Display for NotAnswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the store has an asynchronous limiter, which only asynchronous functions such as \
             `call_async`, `instantiate_async` and `grow_async` can ask",
        )
    }
}

impl std::error::Error for NotAnswered {}

/// The limiter for what cannot wait.
pub(crate) struct Answered<'a> {
    pub(crate) limiter: &'a mut dyn ResourceLimiterAsync,
    pub(crate) answers: &'a mut Answers,
}

impl ResourceLimiter for Answered<'_> {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        self.answers.answer(Question { of_memory: true, current, desired, maximum })
    }

    fn memory_grow_failed(&mut self, error: Error) -> Result<()> {
        self.limiter.memory_grow_failed(error)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        self.answers.answer(Question { of_memory: false, current, desired, maximum })
    }

    fn table_grow_failed(&mut self, error: Error) -> Result<()> {
        self.limiter.table_grow_failed(error)
    }

    fn gc_heap_growing(&mut self, current: usize, desired: usize) -> Result<bool> {
        self.limiter.gc_heap_growing(current, desired)
    }

    fn instances(&self) -> usize {
        self.limiter.instances()
    }

    fn tables(&self) -> usize {
        self.limiter.tables()
    }

    fn memories(&self) -> usize {
        self.limiter.memories()
    }
}
