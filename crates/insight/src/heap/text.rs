//! The text form of a heap profile.

use std::fmt;

use lineal::Escaped;

use super::profile::Profile;
use crate::words::{bytes, count_of};

/// How many call stacks are shown.
const SHOWN: usize = 20;

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = &self.totals;
        let unit = if self.time_is_fuel { "fuel" } else { "allocations" };
        let in_blocks = |count: u64, blocks: u64| {
            format!("{count:>12} {} in {}", bytes(count), count_of(blocks, "block"))
        };
        writeln!(f, "total       {}", in_blocks(all.bytes, all.blocks))?;
        writeln!(
            f,
            "peak        {}, after {} of {} {unit}",
            in_blocks(all.peak_bytes, all.peak_blocks),
            self.peak_time,
            self.end_time
        )?;
        let end = if self.is_collected { "uncollected" } else { "not freed" };
        writeln!(f, "{end:<11} {}", in_blocks(all.end_bytes, all.end_blocks))?;
        writeln!(
            f,
            "temporary   {:>12} {}, freed before the next allocation",
            all.temporary_blocks,
            if all.temporary_blocks == 1 { "block" } else { "blocks" }
        )?;
        if self.has_accesses {
            writeln!(
                f,
                "accesses    {:>12} bytes read, {} written; {} blocks never read, {} never written",
                all.read_bytes, all.written_bytes, all.never_read_blocks, all.never_written_blocks
            )?;
        }
        writeln!(
            f,
            "memory      {:>12} bytes, of which blocks span {}; it grew {}",
            self.memory_bytes,
            self.span_bytes,
            count_of(self.growths.len() as u64, "time")
        )?;
        if let Some(stack) = &self.stack {
            let whose = stack.stack.first().map_or("?", |frame| &frame.function);
            write!(f, "stack       {:>12} bytes at most", stack.bytes)?;
            if let Some(size) = stack.size_bytes {
                write!(f, " of {size}")?;
            }
            writeln!(f, ", in {}", Escaped(whose))?;
        }
        for (number, site) in (1..).zip(self.sites.iter().take(SHOWN)) {
            let totals = &site.totals;
            writeln!(
                f,
                "\n{number}. {} in {}; at the peak {} in {}, {end} {} in {}",
                count_of(totals.bytes, "byte"),
                count_of(totals.blocks, "block"),
                totals.peak_bytes,
                totals.peak_blocks,
                totals.end_bytes,
                totals.end_blocks
            )?;
            for frame in &site.stack {
                writeln!(f, "    {frame}")?;
            }
        }
        if self.sites.len() > SHOWN {
            writeln!(f, "\n{} more call stacks are not shown", self.sites.len() - SHOWN)?;
        }
        Ok(())
    }
}
