"""The command that measures a saved run's models again, for messages about files that are gone."""

from __future__ import annotations

from slimbench.suite.profiles import OWN_PROFILE, load_profiles


def is_user_profile(profile: str) -> bool:
    """Tell whether a run of this profile was one of a user's own models."""
    return profile not in load_profiles()


def command(profile: str, variant: str = "") -> str:
    """Return what to type to measure a run's variant again, or all of it.

    A user's own models are built from no commit: who has their files can measure them again.
    """
    if not is_user_profile(profile):
        return f"make bench PROFILE={profile}" + (f" K={variant}" if variant else "")
    named = "" if profile == OWN_PROFILE else f" --profile {profile}"
    return f"slimbench run{named} with the same --model and --steps as then"
