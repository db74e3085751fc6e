//! What the operating system counts of this process, under the names every exporter gives it.

use std::fmt;

use procfs::WithCurrentSystemInfo;
use procfs::process::{LimitValue, Process};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

/// Asks the operating system when it is asked; what it does not tell is left out.
#[derive(Debug)]
pub(super) struct ProcessNumbers;

impl Collector for ProcessNumbers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Ok(process) = Process::myself() else {
            return Ok(());
        };
        if let Ok(stat) = process.stat() {
            let spent = number(stat.utime + stat.stime) / number(procfs::ticks_per_second());
            let help = "Processor time spent, of the user and of the system";
            let counter = ConstCounter::new(spent);
            let unit = Some(&Unit::Seconds);
            let told = encoder.encode_descriptor("process_cpu", help, unit, counter.metric_type())?;
            counter.encode(told)?;
            let resident = stat.rss_bytes().get();
            bytes(
                &mut encoder,
                "process_resident_memory",
                "Memory held in RAM",
                resident,
            )?;
            bytes(
                &mut encoder,
                "process_virtual_memory",
                "Memory reserved",
                stat.vsize,
            )?;
        }
        if let Ok(open) = process.fd_count() {
            let help = "Open file descriptors";
            gauge(&mut encoder, "process_open_fds", help, None, number(open as u64))?;
        }
        if let Ok(limits) = process.limits()
            && let LimitValue::Value(most) = limits.max_open_files.soft_limit
        {
            let help = "Most file descriptors that may be open";
            gauge(&mut encoder, "process_max_fds", help, None, number(most))?;
        }
        Ok(())
    }
}

fn bytes(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, size: u64) -> fmt::Result {
    gauge(encoder, name, help, Some(&Unit::Bytes), number(size))
}

fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    unit: Option<&Unit>,
    value: f64,
) -> fmt::Result {
    let gauge = ConstGauge::new(value);
    gauge.encode(encoder.encode_descriptor(name, help, unit, gauge.metric_type())?)
}

#[expect(clippy::cast_precision_loss, reason = "nine petabytes are told to the byte")]
fn number(count: u64) -> f64 {
    count as f64
}
