"""`kyusim._sim` once more, built with the mission's bugs: the same names, the same meaning."""

from kyusim._sim import MISSION_BUGS as MISSION_BUGS
from kyusim._sim import PLANTED as PLANTED
from kyusim._sim import Board as Board
from kyusim._sim import ChoiceRates as ChoiceRates
from kyusim._sim import Choices as Choices
from kyusim._sim import Endpoint as Endpoint
from kyusim._sim import Fate as Fate
from kyusim._sim import FatePlan as FatePlan
from kyusim._sim import Fates as Fates
from kyusim._sim import Task as Task
from kyusim._sim import World as World
