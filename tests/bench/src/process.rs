//! What the kernel knows of a process: CPU time and memory, read from `/proc`.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use crate::numbers::figure;

/// Linux counts CPU time for user space in hundredths of a second, on every architecture.
const MS_PER_TICK: u64 = 10;

/// CPU time so far of a process and its living descendants, and of children it waited for.
pub(crate) fn cpu_ms(pid: u32) -> u64 {
    family(pid).into_iter().filter_map(own_cpu_ms).sum()
}

/// CPU time so far of this very process, loader and sink together.
pub(crate) fn own_process_cpu_ms() -> u64 {
    own_cpu_ms(std::process::id()).unwrap_or_default()
}

/// Resident memory now, in MB (10^6 bytes).
pub(crate) fn resident_mb(pid: u32) -> f64 {
    family(pid)
        .into_iter()
        .filter_map(|member| status_mb(member, "VmRSS:"))
        .sum()
}

/// The most resident memory so far, in MB (10^6 bytes).
pub(crate) fn peak_mb(pid: u32) -> f64 {
    family(pid)
        .into_iter()
        .filter_map(|member| status_mb(member, "VmHWM:"))
        .sum()
}

/// Waits until the process used less than 2 % of one CPU over half a second, or `most` has passed.
/// True when it came to rest.
pub(crate) fn wait_for_rest(pid: u32, most: Duration) -> bool {
    let begun = Instant::now();
    let mut before = cpu_ms(pid);
    while begun.elapsed() < most {
        std::thread::sleep(Duration::from_millis(500));
        let now = cpu_ms(pid);
        if now.saturating_sub(before) <= MS_PER_TICK {
            return true;
        }
        before = now;
    }
    false
}

/// The fields of `/proc/PID/stat` behind the name, which may itself hold spaces and brackets.
fn stat(pid: u32) -> Option<Vec<u64>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    Some(
        fields
            .split_whitespace()
            .map(|field| field.parse().unwrap_or_default())
            .collect(),
    )
}

fn own_cpu_ms(pid: u32) -> Option<u64> {
    // utime, stime, cutime, cstime: fields 14 to 17 of proc(5); the state (field 3) is our first.
    Some(stat(pid)?.get(11..15)?.iter().sum::<u64>() * MS_PER_TICK)
}

fn status_mb(pid: u32, key: &str) -> Option<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(figure(kib * 1024) / 1e6)
}

/// The process and everything it started that still lives.
fn family(root: u32) -> Vec<u32> {
    let parents = parents();
    let mut members = vec![root];
    let mut at = 0;
    while let Some(parent) = members.get(at).copied() {
        members.extend(
            parents
                .iter()
                .filter(|(_, of)| **of == parent)
                .map(|(pid, _)| *pid),
        );
        at += 1;
    }
    members
}

fn parents() -> BTreeMap<u32, u32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return BTreeMap::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, u32::try_from(*stat(pid)?.get(1)?).ok()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_is_its_own_family() {
        let pid = std::process::id();
        assert!(resident_mb(pid) > 0.1);
        assert!(peak_mb(pid) >= status_mb(pid, "VmRSS:").unwrap());
        assert!(family(pid).contains(&pid));
    }

    #[test]
    fn a_process_that_is_gone_counts_nothing() {
        assert_eq!(cpu_ms(u32::MAX), 0);
        assert!(resident_mb(u32::MAX).abs() < f64::EPSILON);
    }
}
