//! The text form of a heap profile.

use std::fmt;

use super::profile::Profile;

/// How many call stacks are shown.
const SHOWN: usize = 20;

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = &self.totals;
        let unit = if self.time_is_fuel { "fuel" } else { "allocations" };
        writeln!(f, "total       {:>12} bytes in {} blocks", all.bytes, all.blocks)?;
        writeln!(
            f,
            "peak        {:>12} bytes in {} blocks, after {} of {} {unit}",
            all.peak_bytes, all.peak_blocks, self.peak_time, self.end_time
        )?;
        let end = if self.is_collected { "uncollected" } else { "not freed" };
        writeln!(f, "{end:<11} {:>12} bytes in {} blocks", all.end_bytes, all.end_blocks)?;
        writeln!(
            f,
            "temporary   {:>12} blocks, freed before the next allocation",
            all.temporary_blocks
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
            "memory      {:>12} bytes, of which blocks span {}; it grew {} times",
            self.memory_bytes,
            self.span_bytes,
            self.growths.len()
        )?;
        if let Some(stack) = &self.stack {
            let whose = stack.stack.first().map_or("?", |frame| &frame.function);
            write!(f, "stack       {:>12} bytes at most", stack.bytes)?;
            if let Some(size) = stack.size_bytes {
                write!(f, " of {size}")?;
            }
            writeln!(f, ", in {whose}")?;
        }
        if !self.allocators.is_empty() {
            writeln!(f, "allocators  {}", self.allocators.join(", "))?;
        }
        for (number, site) in (1..).zip(self.sites.iter().take(SHOWN)) {
            let totals = &site.totals;
            writeln!(
                f,
                "\n{number}. {} bytes in {} blocks; at the peak {} in {}, {end} {} in {}",
                totals.bytes,
                totals.blocks,
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
