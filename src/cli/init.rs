//! `leadsync init`: writes a config to begin with, and the secrets nobody else has to make.

mod ask;
mod plan;
mod write;

use std::path::{Path, PathBuf};

use clap::Args;
use connector_kit::secret::{SecretReader, UNWRITTEN};
use url::Url;

use super::prefix::prefix;
use super::{Exit, Place, house, screen};
use crate::config::{Config, Document, Loaded};
use crate::registry;
use plan::{Answers, Front, Plan, Planned};
use write::Written;

/// What to write, and where.
#[derive(Debug, Args)]
#[command(after_help = "\
Asks for what is not given when somebody is at the terminal, and never otherwise. Every place that needs a value of
yours says CHANGE-ME; leadsync check names them all. Secrets that are there already are never replaced.")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub(super) struct InitArgs {
    /// The directory of the config; that of --config otherwise
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// A system to connect: KIND or KIND=NAME; may be given several times
    #[arg(long = "crm", value_name = "KIND[=NAME]", value_parser = ask::connector)]
    crms: Vec<(String, String)>,
    /// The address others reach this machine by, like <https://leads.contoso.example>
    #[arg(long, value_name = "URL", value_parser = ask::address)]
    public_url: Option<Url>,
    /// leadsync ends TLS itself, with a certificate of yours
    #[arg(long, conflicts_with = "proxy")]
    tls: bool,
    /// A proxy on this machine ends TLS
    #[arg(long)]
    proxy: bool,
    /// Ask nothing; what is not given is as usual
    #[arg(long)]
    yes: bool,
    /// Write anew what is there; it is kept as .bak beside it
    #[arg(long)]
    force: bool,
    /// Where the drop-in goes that hands the secrets to the service; printed otherwise
    #[arg(long, value_name = "DIR")]
    systemd_dir: Option<PathBuf>,
    /// Show the address to paste into Partner Center. It holds the secret. With a config there, do nothing else
    #[arg(long)]
    show_url: bool,
}

/// Asks, plans, writes, and tells what comes next.
pub(super) fn init(place: &Place, args: &InitArgs) -> Result<(), Exit> {
    let dir = args.dir.clone().unwrap_or_else(|| place.config.clone());
    let main = dir.join("leadsync.toml");
    if args.show_url && !args.force && write::is_in_the_way(&main) {
        return show_urls(place, &dir);
    }
    let drop_in = args
        .systemd_dir
        .as_ref()
        .map(|folder| folder.join("credentials.conf"));
    // Nobody answers questions for nothing.
    let known_before = std::iter::once(&main).chain(&drop_in);
    refuse_to_replace(args, known_before)?;
    let answers = answers(args)?;
    let mut plan = plan::plan(&dir, &prefix(), &answers, &house::outside()?.dice);
    if let Some(path) = drop_in {
        plan.files.push(Planned {
            path,
            text: plan.drop_in.clone(),
            secret: false,
        });
    }
    let replaced = plan.files.iter().filter(|file| !file.secret);
    refuse_to_replace(args, replaced.map(|file| &file.path))?;
    let written =
        write::write(&plan.files).map_err(|error| Exit::unkept(format!("nothing was written: {error}")))?;
    tell(place, args, &plan, &written);
    if args.show_url {
        show_urls(place, &dir)
    } else {
        Ok(())
    }
}

/// What somebody wrote is replaced only when that is asked for.
fn refuse_to_replace<'a>(args: &InitArgs, paths: impl Iterator<Item = &'a PathBuf>) -> Result<(), Exit> {
    let there: Vec<String> = paths
        .filter(|path| !args.force && write::is_in_the_way(path))
        .map(|path| path.display().to_string())
        .collect();
    if there.is_empty() {
        return Ok(());
    }
    Err(Exit::failed(format!(
        "already there: {}; --force writes anew and keeps what is there as .bak",
        there.join(", ")
    )))
}

fn answers(args: &InitArgs) -> Result<Answers, Exit> {
    let gone = |_| Exit::failed("nothing was written: nobody answered");
    let asks = !args.yes && ask::somebody_is_there();
    let connectors = match args.crms.as_slice() {
        [] if asks => ask::connectors().map_err(gone)?,
        [] => {
            let known = registry::KINDS.join(", ");
            return Err(Exit::usage(format!(
                "say what to connect: --crm KIND, with a kind of {known}"
            )));
        }
        given => given.to_vec(),
    };
    let mut names: Vec<&str> = connectors.iter().map(|(_, name)| name.as_str()).collect();
    // Its secret would be that of the intake URL.
    names.push(plan::SOURCE);
    names.sort_unstable();
    let mut twins = names.iter().zip(names.iter().skip(1));
    if let Some((name, _)) = twins.find(|(one, next)| one == next) {
        return Err(Exit::usage(format!(
            "there are two of the name {name:?}: give the connector another one, KIND=NAME"
        )));
    }
    let public_url = match &args.public_url {
        None if asks => ask::public_url().map_err(gone)?,
        given => given.clone(),
    };
    let front = match (args.tls, args.proxy) {
        (true, _) => Front::Tls,
        (false, false) if asks => ask::front().map_err(gone)?,
        (false, _) => Front::Proxy,
    };
    Ok(Answers {
        connectors,
        public_url,
        front,
    })
}

/// A place that waits for a person.
struct Waiting {
    place: String,
    what: String,
}

fn tell(place: &Place, args: &InitArgs, plan: &Plan, written: &Written) {
    let waiting = waiting(plan);
    let next = next(args, plan, &waiting);
    if place.json {
        let shown = |paths: &[PathBuf]| {
            paths
                .iter()
                .map(|path| path.display().to_string())
                .collect::<Vec<_>>()
        };
        screen::json(&serde_json::json!({
            "written": shown(&written.written), "kept": shown(&written.kept), "saved": shown(&written.saved),
            "fill_in": waiting.iter().map(|one| serde_json::json!({ "place": one.place, "what": one.what })).collect::<Vec<_>>(),
            "drop_in": plan.drop_in, "next": next,
        }));
        return;
    }
    let groups = [
        ("written", &written.written),
        ("kept", &written.kept),
        ("saved", &written.saved),
    ];
    for (word, paths) in groups {
        for path in paths {
            screen::line(format_args!("{word}  {}", path.display()));
        }
    }
    screen::line("\nnext:");
    for (number, step) in next.iter().enumerate() {
        screen::line(format_args!(
            "{:>2}. {}",
            number + 1,
            step.replace('\n', "\n    ")
        ));
    }
}

/// Everything that says [`UNWRITTEN`], in files and secrets that are in place now.
fn waiting(plan: &Plan) -> Vec<Waiting> {
    let mut waiting = Vec::new();
    for file in &plan.files {
        let Ok(text) = std::fs::read_to_string(&file.path) else {
            continue;
        };
        if file.secret {
            if text.contains(UNWRITTEN) {
                let place = file.path.display().to_string();
                waiting.push(Waiting {
                    place,
                    what: "the secret".to_owned(),
                });
            }
            continue;
        }
        let mut marked = Document::new(&file.path, text).unwritten();
        marked.sort_by_key(|mistake| mistake.line);
        for mistake in marked {
            waiting.push(Waiting {
                place: format!("{}:{}", mistake.file.display(), mistake.line),
                what: mistake.key,
            });
        }
    }
    waiting
}

fn next(args: &InitArgs, plan: &Plan, waiting: &[Waiting]) -> Vec<String> {
    let mut steps = Vec::new();
    if !waiting.is_empty() {
        let places: Vec<String> = waiting
            .iter()
            .map(|one| format!("{}  {}", one.place, one.what))
            .collect();
        steps.push(format!(
            "write your values in place of {UNWRITTEN}:\n{}",
            places.join("\n")
        ));
    }
    steps.extend(plan.tls.iter().cloned());
    if args.systemd_dir.is_none() {
        steps.push(format!(
            "systemctl edit leadsync, and add:\n{}",
            plan.drop_in.trim_end()
        ));
    }
    steps.push("leadsync check                            names what is left to fill in".to_owned());
    steps.extend(plan.then.iter().cloned());
    steps.push(
        "leadsync doctor                           looks at everything that may be in a lead's way"
            .to_owned(),
    );
    steps.push("systemctl daemon-reload && systemctl enable --now leadsync".to_owned());
    steps.push(
        "leadsync init --show-url                  shows the address to paste into Partner Center".to_owned(),
    );
    steps
}

/// The addresses leads are posted to, secrets and all.
fn show_urls(place: &Place, dir: &Path) -> Result<(), Exit> {
    let reader = SecretReader::from_environment();
    let loaded = Config::load(dir, &reader.env)?;
    let secrets = loaded.source_secrets(&loaded.with_credentials_beside(&reader))?;
    let base = base(&loaded);
    let mut shown = Vec::new();
    for (name, secrets) in &secrets {
        // The first is the one to hand out; a second goes out of use.
        if let Some(secret) = secrets.first() {
            shown.push((
                name.to_string(),
                format!("{base}/v1/leads/{name}/{}", secret.expose()),
            ));
        }
    }
    if place.json {
        let sources = shown
            .iter()
            .map(|(source, url)| serde_json::json!({ "source": source, "url": url }));
        screen::json(&serde_json::json!({ "urls": sources.collect::<Vec<_>>() }));
    } else {
        for (_, url) in &shown {
            screen::line(url);
        }
    }
    Ok(())
}

fn base(loaded: &Loaded) -> String {
    let listen = &loaded.config.listen;
    match &listen.public_url {
        Some(url) => url.as_str().trim_end_matches('/').to_owned(),
        None => "https://THIS-HOST".to_owned(),
    }
}
