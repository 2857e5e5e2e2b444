//! Audits as many insertions as `bench/audit.ts` does, in batches of the same size, by the audit of the `akd` crate: what
//! Glasskey's audit is compared with. Arguments: insertions, insertions in a batch. Prints one line of JSON.
//!
//! Only `audit_verify` is timed: not publishing, not making the proof, no decoding and no I/O.

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
            let from = Instant::now();
            akd::auditor::audit_verify::<WhatsAppV1Configuration>(vec![hash, next.1], proof).await?;
            audited += from.elapsed();
            counted += end - start;
        }
        last = Some(next);
    }
    let seconds = audited.as_secs_f64();
    println!("{{\"updates\":{counted},\"seconds\":{seconds:.3},\"updatesPerSecond\":{:.0}}}", counted as f64 / seconds);
    Ok(())
}
