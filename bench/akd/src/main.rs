//! Audits as many insertions as `bench/audit.ts` does, in batches of the same size, by the audit of the `akd` crate: what
//! Glasskey's audit is compared with. Arguments: insertions, insertions in a batch. Prints one line of JSON.
//!
//! Only `audit_verify` is timed: not publishing, not making the proof, no decoding and no I/O. On a machine that does other
//! things as well, the processor time says more than the time; Linux counts it in hundredths of a second.

use akd::append_only_zks::AzksParallelismConfig;
use akd::directory::Directory;
use akd::ecvrf::HardCodedAkdVRF;
use akd::storage::{memory::AsyncInMemoryDatabase, StorageManager};
use akd::{AkdLabel, AkdValue, EpochHash, WhatsAppV1Configuration};
use std::time::{Duration, Instant};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let insertions: usize = arguments.next().unwrap_or("100000".into()).parse()?;
    let batch: usize = arguments.next().unwrap_or("255".into()).parse()?;
    let storage = StorageManager::new_no_cache(AsyncInMemoryDatabase::new());
    let parallel = AzksParallelismConfig::default();
    let akd = Directory::<WhatsAppV1Configuration, _, _>::new(storage, HardCodedAkdVRF {}, parallel).await?;
    let mut audited = Duration::ZERO;
    let mut processor = 0;
    let mut counted = 0;
    let mut last: Option<EpochHash> = None;
    for start in (0..insertions).step_by(batch) {
        let end = (start + batch).min(insertions);
        let labels = (start..end)
            .map(|i| (AkdLabel::from(&format!("user{i}@example.com")), AkdValue::from(&format!("key {i}"))))
            .collect();
        let next = akd.publish(labels).await?;
        if let Some(EpochHash(epoch, hash)) = last {
            let proof = akd.audit(epoch, next.0).await?;
            let before = processor_ticks();
            let from = Instant::now();
            akd::auditor::audit_verify::<WhatsAppV1Configuration>(vec![hash, next.1], proof).await?;
            audited += from.elapsed();
            processor += processor_ticks() - before;
            counted += end - start;
        }
        last = Some(next);
    }
    let seconds = audited.as_secs_f64();
    let processor_seconds = processor as f64 / 100.0;
    println!(
        "{{\"updates\":{counted},\"seconds\":{seconds:.3},\"updatesPerSecond\":{:.0},\"processorSeconds\":{processor_seconds},\"updatesPerProcessorSecond\":{:.0}}}",
        counted as f64 / seconds,
        counted as f64 / processor_seconds
    );
    Ok(())
}

/// What all threads of this process have used of processors, user and system, in hundredths of a second; 0 where Linux is not.
fn processor_ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name in parentheses may hold anything; utime and stime are the 12th and 13th fields after it.
    let rest = stat.rsplit(')').next().unwrap_or_default();
    rest.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
}
