"""What wrk prints, read back; and what is not a measurement refused."""

import pytest

from benchmarks.load import LoadError, read_report

REPORT = """\
Running 2s test @ http://127.0.0.1:8000/list
  1 threads and 16 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   483.11us  210.30us   6.02ms   91.17%
    Req/Sec    33.66k     1.91k   36.21k    80.95%
  Latency Distribution
     50%  451.00us
     75%  512.00us
     90%  601.00us
     99%    1.32ms
  70290 requests in 2.10s, 700.02MB read
Requests/sec:  33471.12
Transfer/sec:    333.35MB
"""


def test_rate_and_latencies_are_read_in_their_units() -> None:
    found = read_report(REPORT)
    assert found.rate == 33471.12
    assert found.p50 == pytest.approx(0.000451)
    assert found.p99 == pytest.approx(0.00132)
    assert found.errors == 0


@pytest.mark.parametrize(("told", "seconds"), [("2.05s", 2.05), ("1.50m", 90), ("7.00us", 7e-6)])
def test_every_unit_is_seconds_in_the_end(told: str, seconds: float) -> None:
    assert read_report(REPORT.replace("  1.32ms", told)).p99 == pytest.approx(seconds)


def test_answers_that_are_none_are_counted() -> None:
    told = "  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 5\n"
    assert read_report(REPORT + told).errors == 15


@pytest.mark.parametrize(
    "text", ["", "unable to connect to 127.0.0.1:1 Connection refused", REPORT[:300]]
)
def test_a_report_without_figures_is_refused(text: str) -> None:
    with pytest.raises(LoadError):
        read_report(text)
