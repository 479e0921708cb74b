"""A phone's properties and the conditions of its measurements, as records of results."""

from mixnet_android.parsers import Cluster
from mixnet_android.phone.conditions import Conditions, Cooled
from mixnet_android.phone.device import State
from mixnet_common.result import Count, Cpus, Number, ResultRecord, Span, known_as


class PhoneCluster(ResultRecord):
    """Cores that share a clock; what the phone does not let be read is None."""

    cpus: Cpus
    """cores that share a clock"""
    max_khz: Count | None = known_as()
    """maximum of the hardware"""
    limit_khz: Count | None = known_as()
    """present limit"""
    current_khz: Count | None = known_as()
    """the clock at that moment"""
    governor: str | None = known_as()
    """the frequency governor"""
    capacity: int | None = known_as()
    """the kernel's value for a core's speed, 1024 for the phone's fastest"""


class PhoneDevice(ResultRecord):
    """The identity of a phone."""

    serial: str | None = known_as()
    """the phone's serial; this and the following as in `mixnet-bench devices`"""
    manufacturer: str | None = known_as()
    """its maker"""
    model: str | None = known_as()
    """its model"""
    soc: str | None = known_as()
    """its system on a chip"""
    android: str | None = known_as()
    """its version of Android"""
    build: str | None = known_as()
    """its build's fingerprint"""
    clusters: tuple[PhoneCluster, ...] = known_as(())


class ClusterClocks(ResultRecord):
    """A cluster's clocks at one moment."""

    cpus: Cpus
    """cores that share a clock"""
    current_khz: Count | None = known_as()
    """their clock"""
    limit_khz: Count | None = known_as()
    """present limit"""
    max_khz: Count | None = known_as()
    """maximum of the hardware"""
    governor: str | None = known_as()
    """their governor"""


class PhoneMoment(ResultRecord):
    """A phone's conditions at one moment."""

    celsius: Number | None = known_as()
    """the skin's temperature, or the battery's"""
    thermal_status: int | None = known_as()
    """Android's thermal status, 0 (none) to 6"""
    thermal_override: bool | None = known_as()
    """whether that is overridden"""
    battery_percent: Number | None = known_as()
    """the battery's level"""
    plugged: bool | None = known_as()
    """whether it is being charged"""
    screen_on: bool | None = known_as()
    """whether the screen is on"""
    battery_saver: bool | None = known_as()
    """whether the battery saver is on"""
    headroom: Number | None = known_as()
    """Android's thermal headroom for the next ten seconds: at 1 it throttles severely; `null` \
before Android 14"""
    clusters: tuple[ClusterClocks, ...] = known_as(())


class PhoneConditions(ResultRecord):
    """A phone's conditions before the first launch and after the last one."""

    waited_to_cool_s: Span | None = known_as()
    """seconds of waiting until it was cool, at most 600"""
    before: PhoneMoment = known_as(PhoneMoment())
    after: PhoneMoment = known_as(PhoneMoment())


def device_record(serial: str, state: State) -> PhoneDevice:
    """The phone."""
    product = state.product
    return PhoneDevice(
        serial=serial,
        manufacturer=product.manufacturer,
        model=product.model,
        soc=product.soc,
        android=product.android,
        build=product.build,
        clusters=tuple(map(cluster_record, state.clusters)),
    )


def cluster_record(cluster: Cluster) -> PhoneCluster:
    """Cores that share a clock."""
    return PhoneCluster(
        cpus=cluster.cpus,
        max_khz=cluster.max_khz,
        limit_khz=cluster.limit_khz,
        current_khz=cluster.current_khz,
        governor=cluster.governor,
        capacity=cluster.capacity,
    )


def conditions_record(cooled: Cooled, after: Conditions) -> PhoneConditions:
    """The phone's conditions at the start and the end of measuring."""
    return PhoneConditions(
        waited_to_cool_s=cooled.waited_s,
        before=_moment(cooled.conditions),
        after=_moment(after),
    )


def _moment(moment: Conditions) -> PhoneMoment:
    return PhoneMoment(
        celsius=moment.celsius,
        thermal_status=moment.thermal.status,
        thermal_override=moment.thermal.override,
        battery_percent=moment.battery.level_percent,
        plugged=moment.battery.plugged,
        screen_on=moment.screen_on,
        battery_saver=moment.battery_saver,
        headroom=moment.headroom,
        clusters=tuple(map(_clocks, moment.clusters)),
    )


def _clocks(cluster: Cluster) -> ClusterClocks:
    return ClusterClocks(
        cpus=cluster.cpus,
        current_khz=cluster.current_khz,
        limit_khz=cluster.limit_khz,
        max_khz=cluster.max_khz,
        governor=cluster.governor,
    )
