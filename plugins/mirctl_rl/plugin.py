"""What this plugin gives the core; imports nothing heavy."""

from pathlib import Path

from mirctl.hookspecs import ArtifactKind, Job, hookimpl

mirctl_api = 1


@hookimpl
def mirctl_jobs() -> list[Job]:
    """Logs to a simulator, and from it to tables."""
    return [
        Job(
            "rl/simulate",
            config="mirctl_rl.config:SimulateConfig",
            function="mirctl_rl.jobs:simulate",
            summary="logged interactions -> a simulator of their users -> artifact",
            metrics="mirctl_rl.report:simulator_names",
            check="mirctl_rl.jobs:check",
        ),
        Job(
            "rl/distill",
            config="mirctl_rl.config:DistillConfig",
            function="mirctl_rl.jobs:distill",
            summary="a simulator, a language model -> what users would like -> artifact",
            metrics="mirctl_rl.distilling:names",
            check="mirctl_rl.jobs:check_distill",
        ),
        Job(
            "rl/pretrain",
            config="mirctl_rl.config:PretrainConfig",
            function="mirctl_rl.jobs:pretrain",
            summary="a simulator, preferences -> a policy that learned from imagined users",
            metrics="mirctl_rl.pretraining:metric_names",
            check="mirctl_rl.jobs:check_pretrain",
        ),
        Job(
            "rl/online",
            config="mirctl_rl.config:OnlineConfig",
            function="mirctl_rl.jobs:online",
            summary="a simulator, a policy or none -> a policy that learned from its users",
            metrics="mirctl_rl.online:metric_names",
            check="mirctl_rl.jobs:check_online",
        ),
        Job(
            "rl/eval",
            config="mirctl_rl.config:EvalConfig",
            function="mirctl_rl.jobs:evaluate",
            summary="a policy, a simulator -> a table of metrics beside reference policies",
            metrics="mirctl_rl.report:names",
            makes="table",
        ),
    ]


@hookimpl
def mirctl_artifact_kinds() -> list[ArtifactKind]:
    """Simulators, preferences and policies."""
    return [
        ArtifactKind("rl/simulator", 1, "mirctl_rl.opening:load"),
        ArtifactKind("rl/preferences", 1, "mirctl_rl.preferences:load"),
        ArtifactKind("rl/policy", 1, "mirctl_rl.agents:load"),
    ]


@hookimpl
def mirctl_recipes() -> Path:
    """recipes/rl of this distribution."""
    from mirctl.recipe import shipped

    return shipped("rl")
