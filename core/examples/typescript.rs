//! Prints the model's types as TypeScript, for the npm package: `cargo run -p burgee-core --example typescript --features typescript`.

use burgee_core::lint::{Code, Finding, FindingCode, Severity};
use burgee_core::model::{
    AllowTarget, Bucketing, Condition, Flag, FlagType, KillSwitch, Operator, Override, OverrideScope, OverrideVariant,
    Prerequisite, RolloutStage, Rule, Scalar, Segment, Sensitive, Serve, SnapshotDocument, Stage, State, Targets,
    Variant, WeightedVariant,
};
use burgee_core::{
    Compared, ComparedValue, Fault, FaultCode, Outcome, Reason, ResolutionReason, Source, Step, Warning, WarningCode,
};
use ts_rs::{Config, TS};

/// A type's declaration with its comments, without the imports: all types go into one file.
fn declaration<T: TS + 'static>(config: &Config) -> String {
    let text = T::export_to_string(config).unwrap_or_else(|error| panic!("{}: {error}", T::name(config)));
    let wanted = |line: &&str| !line.starts_with("import ") && !line.starts_with("// This file was generated");
    text.lines().filter(wanted).collect::<Vec<_>>().join("\n").trim().to_owned() + "\n"
}

macro_rules! print_all {
    ($($type:ty),* $(,)?) => {
        let config = Config::default();
        $(println!("{}", declaration::<$type>(&config));)*
    };
}

fn main() {
    println!("// Generated from burgee-core: see core/examples/typescript.rs. Not to be edited.\n");
    println!("/** Any JSON. */");
    println!(
        "export type JsonValue = null | boolean | number | string | JsonValue[] | {{ [name: string]: JsonValue }};\n"
    );
    print_all!(
        SnapshotDocument,
        Flag,
        FlagType,
        State,
        Variant,
        Stage,
        RolloutStage,
        Bucketing,
        Serve,
        WeightedVariant,
        Prerequisite,
        Targets,
        AllowTarget,
        Rule,
        Condition,
        Operator,
        Scalar,
        Segment,
        Sensitive,
        Override,
        OverrideScope,
        OverrideVariant,
        KillSwitch,
        Source,
        Reason,
        Outcome,
        Step<'static>,
        Compared<'static>,
        ComparedValue<'static>,
        ResolutionReason,
        Severity,
        FindingCode,
        Code,
        Finding,
        Fault,
        FaultCode,
        Warning,
        WarningCode,
    );
}
