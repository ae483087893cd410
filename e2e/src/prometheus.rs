//! A Prometheus server for one test.

use std::{collections::BTreeMap, fmt::Write as _, fs};

use reqwest::Client;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::{port, program::Program, wait::until};

/// What is scraped: the job, the label `instance`, and the address of the ops port.
pub struct Target<'a> {
    /// The label `job`.
    pub job: &'a str,
    /// The label `instance`.
    pub instance: &'a str,
    /// Host and port.
    pub address: &'a str,
}

/// A series of a range query.
pub struct Series {
    /// The labels, with `__name__` where the expression keeps it.
    pub labels: BTreeMap<String, String>,
    /// Time in seconds since 1970, and value. A value may be NaN or infinite.
    pub samples: Vec<(f64, f64)>,
}

/// A running `prometheus`, which scrapes and evaluates once a second.
pub struct Prometheus {
    url: String,
    client: Client,
    _program: Program,
    _directory: TempDir,
}

impl Prometheus {
    /// Starts a server with a file of rules, and waits until it has scraped each target.
    pub async fn start(targets: &[Target<'_>], rules: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("rules.yml"), rules).unwrap();
        let file = directory.path().join("prometheus.yml");
        fs::write(file, configuration(targets)).unwrap();
        let port = port::free();
        let mut command = Command::new("prometheus");
        command
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"])
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .current_dir(directory.path());
        let prometheus = Self {
            url: format!("http://127.0.0.1:{port}/api/v1"),
            client: Client::builder().no_proxy().build().unwrap(),
            _program: Program::start(&mut command),
            _directory: directory,
        };
        let all = format!("count(up == 1) == {}", targets.len());
        until("Prometheus to scrape each target", async || {
            let found = prometheus.post("query", &[("query", &all)]).await.ok()?;
            (!found["result"].as_array()?.is_empty()).then_some(())
        })
        .await;
        prometheus
    }

    /// The time of its clock, in seconds since 1970.
    pub async fn now(&self) -> f64 {
        let found = self.post("query", &[("query", "time()")]).await.unwrap();
        found["result"][0].as_f64().unwrap()
    }

    /// The series of an expression from `start` to `end` (seconds since 1970), a second apart.
    ///
    /// # Errors
    /// The message of Prometheus, where it cannot evaluate the expression.
    pub async fn range(&self, expr: &str, start: f64, end: f64) -> Result<Vec<Series>, String> {
        let (start, end) = (start.to_string(), end.to_string());
        let form = [
            ("query", expr),
            ("start", &start),
            ("end", &end),
            ("step", "1"),
        ];
        let found = self.post("query_range", &form).await?;
        let result = found["result"].as_array().ok_or("no result")?;
        Ok(result.iter().map(series).collect())
    }

    /// The groups of rules, each with its rules, their health and their last error.
    ///
    /// # Errors
    /// The message of Prometheus.
    pub async fn rules(&self) -> Result<Value, String> {
        let request = self.client.get(format!("{}/rules", self.url));
        data(request).await
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Result<Value, String> {
        let request = self.client.post(format!("{}/{path}", self.url));
        data(request.form(form)).await
    }
}

/// The field `data` of an answer.
async fn data(request: reqwest::RequestBuilder) -> Result<Value, String> {
    let answer = request.send().await.map_err(|why| why.to_string())?;
    let mut answer: Value = answer.json().await.map_err(|why| why.to_string())?;
    if answer["status"] == "success" {
        Ok(answer["data"].take())
    } else {
        Err(answer["error"].to_string())
    }
}

fn series(value: &Value) -> Series {
    let labels = value["metric"].as_object().unwrap().iter();
    let samples = value["values"].as_array().unwrap().iter();
    Series {
        labels: labels
            .map(|(name, label)| (name.clone(), label.as_str().unwrap().to_owned()))
            .collect(),
        samples: samples
            .map(|sample| {
                let value = sample[1].as_str().unwrap().parse().unwrap();
                (sample[0].as_f64().unwrap(), value)
            })
            .collect(),
    }
}

fn configuration(targets: &[Target<'_>]) -> String {
    let mut text = "global: {scrape_interval: 1s, evaluation_interval: 1s}\n\
                    rule_files: [rules.yml]\n\
                    scrape_configs:\n"
        .to_owned();
    for target in targets {
        let _ = writeln!(
            text,
            "  - job_name: {}\n    static_configs: [{{targets: [\"{}\"], labels: {{instance: {}}}}}]",
            target.job, target.address, target.instance
        );
    }
    text
}
