//! What a report says about where and when it was made.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

/// The machine, the compiler and the day.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The processor's name and the number of cores.
    pub processor: String,
    /// Operating system and architecture.
    pub system: String,
    /// The first line of `rustc --version`.
    pub compiler: String,
    /// Year, month and day, in UTC.
    pub date: String,
}

impl Machine {
    /// This machine, today.
    pub fn here() -> Machine {
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Machine {
            processor: format!("{}, {cores} cores", processor_name()),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            compiler: output_of("rustc", "--version"),
            date: date(since_epoch.as_secs() / 86_400),
        }
    }
}

/// The version of a package in the workspace's lock file.
pub(crate) fn version_of(package: &str) -> String {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
    let lock = fs::read_to_string(lock).unwrap_or_default();
    let entry = format!("name = \"{package}\"\nversion = \"");
    lock.split_once(&entry)
        .and_then(|(_, rest)| rest.split('"').next())
        .unwrap_or("of unknown version")
        .to_owned()
}

fn processor_name() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = info.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let Some(model) = field("model name") else { return "unknown processor".to_owned() };
    // A virtual machine often gives a family's name only; the numbers tell more.
    match (field("cpu family"), field("model\t")) {
        (Some(family), Some(number)) => format!("{model} (family {family}, model {number})"),
        _ => model,
    }
}

fn output_of(program: &str, argument: &str) -> String {
    Command::new(program)
        .arg(argument)
        .output()
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .map_or_else(|| format!("unknown {program}"), |text| text.trim().to_owned())
}

/// The Gregorian date of a day counted from 1970-01-01.
fn date(day: u64) -> String {
    // Eras of 400 years, and years that start in March, so that the leap day is the last.
    let day = day + 719_468;
    let era = day / 146_097;
    let day_of_era = day % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year}-{month:02}-{day_of_month:02}")
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn days_are_dates() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(59), "1970-03-01");
        assert_eq!(date(11_016), "2000-02-29");
        assert_eq!(date(20_088), "2024-12-31");
    }
}
