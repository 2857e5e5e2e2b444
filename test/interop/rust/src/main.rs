//! Makes the audit proofs of a key directory with the `akd` crate, and verifies such a folder with it: the peer of
//! `glasskey audit-akd` in tests and measurements.
//!
//! - `generate CONFIGURATION FOLDER NAMES SIZE…` publishes one epoch for each SIZE (insertions, at least 1) and writes
//!   the proof of each to `FOLDER/EPOCH/PREVIOUS/CURRENT`. NAMES is `end`, as the published logs have it, or `start`,
//!   as the crate's own `generate_audit_blobs` has it. From the second epoch on, a tenth of the insertions are
//!   new values for names that are there: the crate then inserts a stale and a fresh node.
//! - `verify CONFIGURATION FOLDER` verifies a folder with names of the `end` kind and prints one line of JSON. Only the
//!   verification is timed, not the reading and the decoding.
//!
//! CONFIGURATION is `whatsapp` or `experimental` (with the domain label `ExampleLabel`).

use akd::append_only_zks::AzksParallelismConfig;
use akd::directory::Directory;
use akd::ecvrf::HardCodedAkdVRF;
use akd::local_auditing::{generate_audit_blobs, AuditBlob, AuditBlobName};
use akd::storage::{memory::AsyncInMemoryDatabase, StorageManager};
use akd::{
    AkdLabel, AkdValue, AppendOnlyProof, Configuration, Digest, ExampleLabel, ExperimentalConfiguration,
    WhatsAppV1Configuration,
};
use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

type Outcome = Result<(), Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["generate", "whatsapp", folder, names, sizes @ ..] => {
            generate::<WhatsAppV1Configuration>(folder, names, sizes).await
        }
        ["generate", "experimental", folder, names, sizes @ ..] => {
            generate::<ExperimentalConfiguration<ExampleLabel>>(folder, names, sizes).await
        }
        ["verify", "whatsapp", folder] => verify::<WhatsAppV1Configuration>(folder).await,
        ["verify", "experimental", folder] => verify::<ExperimentalConfiguration<ExampleLabel>>(folder).await,
        _ => Err("usage: generate CONFIGURATION FOLDER NAMES SIZE… | verify CONFIGURATION FOLDER".into()),
    }
}

async fn generate<TC: Configuration>(folder: &str, names: &str, sizes: &[&str]) -> Outcome {
    let storage = StorageManager::new_no_cache(AsyncInMemoryDatabase::new());
    let parallel = AzksParallelismConfig::disabled();
    let directory = Directory::<TC, _, _>::new(storage, HardCodedAkdVRF {}, parallel).await?;
    let mut previous: Digest = directory.get_epoch_hash().await?.1;
    let mut users = 0;
    for (round, size) in sizes.iter().enumerate() {
        let size: usize = size.parse()?;
        let changed = (size / 20).min(users);
        let mut updates: Vec<(AkdLabel, AkdValue)> = (0..changed)
            .map(|user| (label(user), AkdValue::from(&format!("key {user} of round {round}"))))
            .collect();
        for user in users..users + size - 2 * changed {
            updates.push((label(user), AkdValue::from(&format!("key {user}"))));
        }
        users += size - 2 * changed;
        let published = directory.publish(updates).await?;
        let (epoch, current) = (published.0, published.1);
        let proof = directory.audit(epoch - 1, epoch).await?;
        for blob in generate_audit_blobs(vec![previous, current], proof).map_err(in_words)? {
            write(folder, names, epoch, &blob)?;
        }
        previous = current;
    }
    Ok(())
}

/// The crate's errors of local auditing implement no trait of errors.
fn in_words(error: impl std::fmt::Debug) -> String {
    format!("{error:?}")
}

fn label(user: usize) -> AkdLabel {
    AkdLabel::from(&format!("user{user}@example.com"))
}

fn write(folder: &str, names: &str, end_epoch: u64, blob: &AuditBlob) -> Outcome {
    let epoch = if names == "end" { end_epoch } else { blob.name.epoch };
    let name = AuditBlobName { epoch, ..blob.name };
    let path = Path::new(folder).join(name.to_string());
    fs::create_dir_all(path.parent().ok_or("a name without folders")?)?;
    fs::write(path, &blob.data)?;
    Ok(())
}

async fn verify<TC: Configuration>(folder: &str) -> Outcome {
    let mut blobs = read(folder)?;
    blobs.sort_by_key(|blob| blob.name.epoch);
    let mut inserted = 0;
    let mut nodes = 0;
    let mut spent = Duration::ZERO;
    let mut ticks = 0;
    for blob in &blobs {
        let (end_epoch, previous, current, proof) = blob.decode().map_err(in_words)?;
        inserted += proof.inserted.len();
        nodes += proof.inserted.len() + proof.unchanged_nodes.len();
        let proof = AppendOnlyProof { proofs: vec![proof], epochs: vec![end_epoch - 1] };
        let (from, before) = (Instant::now(), processor_ticks());
        akd::auditor::audit_verify::<TC>(vec![previous, current], proof).await?;
        spent += from.elapsed();
        ticks += processor_ticks() - before;
    }
    println!(
        "{{\"epochs\":{},\"inserted\":{inserted},\"nodes\":{nodes},\"seconds\":{:.3},\"processorSeconds\":{:.2}}}",
        blobs.len(),
        spent.as_secs_f64(),
        ticks as f64 / 100.0
    );
    Ok(())
}

fn read(folder: &str) -> Result<Vec<AuditBlob>, Box<dyn Error>> {
    let mut blobs = vec![];
    for epoch in fs::read_dir(folder)? {
        for previous in fs::read_dir(epoch?.path())? {
            for current in fs::read_dir(previous?.path())? {
                let path = current?.path();
                let name = path.strip_prefix(folder)?.to_str().ok_or("a name that is no text")?;
                let name = AuditBlobName::try_from(name).map_err(in_words)?;
                blobs.push(AuditBlob { name, data: fs::read(&path)? });
            }
        }
    }
    Ok(blobs)
}

/// What this process has used of processors, user and system, in hundredths of a second; 0 where Linux is not.
fn processor_ticks() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name in parentheses may hold anything; utime and stime are the 12th and 13th fields after it.
    let rest = stat.rsplit(')').next().unwrap_or_default();
    rest.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
}
