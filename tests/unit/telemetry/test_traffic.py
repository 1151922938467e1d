"""Which counters tell the truth about a path: DPDK goes past the kernel's own."""

from netvsc_deviceplugin.kernel.statistics import Counters
from netvsc_deviceplugin.telemetry.traffic import Traffic, over_synthetic, over_vf


def test_what_mlx5_hardware_counted_includes_dpdk_and_is_preferred() -> None:
    driver = {
        "rx_vport_unicast_packets": 1000,
        "rx_vport_multicast_packets": 10,
        "rx_vport_broadcast_packets": 1,
        "rx_vport_unicast_bytes": 64000,
        "rx_vport_multicast_bytes": 640,
        "rx_vport_broadcast_bytes": 64,
        "tx_vport_unicast_packets": 900,
        "tx_vport_unicast_bytes": 57600,
    }
    assert over_vf(Counters(rx_packets=3, rx_bytes=180, driver=driver)) == Traffic(
        received_bytes=64704, received_packets=1011, sent_bytes=57600, sent_packets=900
    )


def test_mana_has_names_of_its_own() -> None:
    driver = {
        "hc_rx_ucast_pkts": 7,
        "hc_rx_mcast_pkts": 2,
        "hc_rx_bcast_pkts": 1,
        "hc_rx_ucast_bytes": 700,
        "hc_tx_ucast_pkts": 5,
        "hc_tx_ucast_bytes": 500,
    }
    assert over_vf(Counters(driver=driver)) == Traffic(
        received_bytes=700, received_packets=10, sent_bytes=500, sent_packets=5
    )


def test_a_driver_without_hardware_counters_is_taken_by_its_netdev() -> None:
    found = Counters(rx_packets=3, tx_packets=2, rx_bytes=180, tx_bytes=120, driver={"rx_drops": 9})
    assert over_vf(found) == Traffic(
        received_bytes=180, received_packets=3, sent_bytes=120, sent_packets=2
    )


def test_the_synthetic_path_is_what_the_netvsc_did_not_hand_to_its_vf() -> None:
    driver = {"vf_rx_packets": 90, "vf_rx_bytes": 9000, "vf_tx_packets": 80, "vf_tx_bytes": 8000}
    found = Counters(rx_packets=100, rx_bytes=10000, tx_packets=80, tx_bytes=7999, driver=driver)
    assert over_synthetic(found) == Traffic(
        received_bytes=1000, received_packets=10, sent_bytes=0, sent_packets=0
    )
