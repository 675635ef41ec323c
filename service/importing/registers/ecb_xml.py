"""The European Central Bank's XML: the reference rates of a day or of all days, and SDMX of its data portal."""

from collections.abc import Sequence
from xml.parsers import expat

from service.importing.plans import ImportPlan
from service.importing.registers.rates import OF_ECB, rates_plan
from service.importing.registers.tables import RegisterTable
from service.importing.rows import BadFile, FileFault, Row
from service.importing.standing import LedgerStanding

#: What a row is made of, by the names of the data portal's dimensions.
DAY, CURRENCY, BASE, RATE = "TIME_PERIOD", "CURRENCY", "CURRENCY_DENOM", "OBS_VALUE"


def rows_of(data: bytes) -> list[Row]:
    """Its observations as rows; BadFile where it is no XML, or has a document type, which none of theirs has."""
    reader = _Observations()
    try:
        reader.parser.Parse(data, True)
    except expat.ExpatError as error:
        raise BadFile([FileFault(error.lineno, f"is not XML: {expat.ErrorString(error.code)}")]) from None
    if not reader.rows:
        raise BadFile([FileFault(1, "holds no rates: neither reference rates nor observations of the data portal")])
    return reader.rows


def plan(rows: Sequence[Row], standing: LedgerStanding, *, register: bool = False) -> ImportPlan:
    """A publication for each period; BadFile lists what is wrong, by line."""
    return rates_plan(RegisterTable(rows, OF_ECB), standing.today)


class _Observations:
    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.StartDoctypeDeclHandler = self._refuse
        #: What the series at hand says of all its observations.
        self._series: dict[str, str] = {}
        self._in_key = False
        self._observed: dict[str, str] = {}
        self._day = ""

    def _refuse(self, *declared: object) -> None:
        raise BadFile([FileFault(self.parser.CurrentLineNumber, "has a document type, which no such file has")])

    def _start(self, tag: str, given: dict[str, str]) -> None:
        match tag.rpartition(":")[2]:
            case "Cube" if "time" in given:
                self._day = given["time"]
            case "Cube" if "currency" in given:
                self._add({DAY: self._day, CURRENCY: given["currency"], BASE: "EUR", RATE: given.get("rate", "")})
            case "Series":
                self._series = dict(given)
            case "SeriesKey":
                self._in_key = True
            case "Value" if self._in_key:
                self._series[given.get("id", "")] = given.get("value", "")
            case "Obs":
                self._observed = dict(given)
            case "ObsDimension":
                self._observed[DAY] = given.get("value", "")
            case "ObsValue":
                self._observed[RATE] = given.get("value", "")

    def _end(self, tag: str) -> None:
        match tag.rpartition(":")[2]:
            case "SeriesKey":
                self._in_key = False
            case "Obs":
                self._add({**self._series, **self._observed})

    def _add(self, said: dict[str, str]) -> None:
        values = {name: said.get(name, "") for name in (DAY, CURRENCY, BASE, RATE)}
        self.rows.append(Row(self.parser.CurrentLineNumber, values))
