// World, Board and Endpoint for Python.
#include <pybind11/stl.h>

#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "bindings/sim_module.hpp"
#include "bindings/sim_task.hpp"
#include "bindings/sim_world.hpp"
#include "kernel/mutex.hpp"
#include "net/stopped_net.hpp"

namespace kyu::bindings {
namespace {

using app::SimBoard;
using host::FatePlan;
using host::Fates;
using host::Host;
using host::ScriptedPeer;
// id, name, state, what it waits for, locks it holds
using ThreadRow = std::tuple<unsigned, std::string, std::string, std::string, std::string>;

// ---- Board -----------------------------------------------------------------------------------

std::string ip_text(net::Ipv4 address) {
    std::string text;
    for (const unsigned shift : {24U, 16U, 8U, 0U}) {
        if (!text.empty()) text += '.';
        text += std::to_string((address.host >> shift) & 255U);
    }
    return text;
}

// "tcp_dropped: data offset", a row of netstat -> "tcp_dropped_data_offset", a name of Python's.
std::string identifier(std::string_view row) {
    std::string name;
    for (const char c : row) {
        if (c == ':') continue;
        name += c == ' ' || c == '-' ? '_' : c;
    }
    return name;
}

py::dict counters_of(Host& host) {
    py::dict made;
    host.counters(
        [&](std::string_view row, std::uint64_t value) { made[py::str(identifier(row))] = value; });
    return made;
}

std::vector<ThreadRow> threads_of(const Board& board) {
    std::vector<ThreadRow> rows;
    for (Thread& thread : board.host->machine().kernel().threads()) {
        std::string waits;
        if (const WaitQueue* queue = thread.waits_in(); queue != nullptr) {
            waits.append(queue->kind()).append(" ").append(queue->name());
        }
        std::string holds;
        for (const Mutex& mutex : Kernel::held_by(thread)) {
            if (!holds.empty()) holds += ',';
            holds += mutex.name();
        }
        rows.emplace_back(thread.id(), thread.name(), to_text(thread.state()), waits, holds);
    }
    return rows;
}

std::shared_ptr<ClientTask> start_program(const Board& board, const py::sequence& steps,
                                          bool stays) {
    auto task = std::make_shared<ClientTask>();
    add_steps(*task, steps);
    task->open = stays;
    board.host->spawn("program", [&net = board.host->net(), task](ThreadContext& self) {
        run_steps(net, self, *task);
    });
    return task;
}

std::shared_ptr<ClientTask> start_big(const Board& board, const std::string& remote,
                                      std::uint64_t transfers, std::uint16_t port) {
    auto task = std::make_shared<ClientTask>();
    board.host->spawn("fetch",
                      [&net = board.host->net(), task, transfers,
                       far_side = net::Endpoint{ipv4_of(remote), port}](ThreadContext& self) {
                          run_big(net, self, *task, far_side, transfers);
                      });
    return task;
}

bool listens(const Board& board, std::uint16_t port) {
    // find_listener() changes nothing; it is not const because it lends what may be changed.
    auto& sockets =
        const_cast<net::SocketTable&>(net::StoppedNet::of(board.host->net()).tcp.sockets);
    return sockets.find_listener(port) != nullptr;
}

// What TCP knows of connections, whatever it keeps them in: control blocks, and the records of
// SYN-RECEIVED and TIME-WAIT.
std::string state_of(const Board& board, std::uint16_t port, const std::string& remote,
                     std::uint16_t remote_port) {
    // find() changes nothing but its own memory of the last one found.
    auto& tcp = const_cast<net::TcpState&>(net::StoppedNet::of(board.host->net()).tcp);
    const net::FourTuple tuple{.local = {board.host->config().address, port},
                               .remote = {ipv4_of(remote), remote_port}};
    if (const net::Tcpcb* tp = tcp.table.find(tuple); tp != nullptr) return to_text(tp->state);
    if (tcp.syn_cache.find(tuple) != nullptr) return "SYN-RECEIVED";
    if (tcp.time_wait.find(tuple) != nullptr) return "TIME-WAIT";
    return tcp.sockets.find_listener(port) != nullptr ? "LISTEN" : "CLOSED";
}

void cut_frames(const Board& board, std::int64_t place) {
    if (place < -1)
        throw std::invalid_argument(
            "frames are cut at a place, at 0 nowhere, at -1 "
            "everywhere");
    board.host->link().cut_at(place == -1 ? host::SimLink::kEveryByte
                                          : static_cast<std::size_t>(place));
}

void bind_board(py::module_& m) {
    py::class_<Board>(m, "Board", py::module_local(),
                      "One simulated board: kernel, stack and services.")
        .def_property_readonly("name", [](const Board& b) { return b.host->name(); })
        .def_property_readonly("ip",
                               [](const Board& b) { return ip_text(b.host->config().address); })
        .def_property_readonly("mac",
                               [](const Board& b) {
                                   const net::MacAddress mac = b.host->mac();
                                   return py::bytes(reinterpret_cast<const char*>(&mac), 6);
                               })
        .def_property_readonly("crashed", [](const Board& b) { return b.host->crashed(); })
        .def_property_readonly(
            "crash_text",
            [](const Board& b) {
                return b.host->crashed() ? b.host->machine().crash().text : std::string{};
            },
            "What the panic wrote to the serial line, crash record included.")
        .def_property_readonly("crash_us", [](const Board& b) { return b.host->crashed_at().us(); })
        .def_property_readonly("console_text",
                               [](const Board& b) { return b.host->machine().console_text(); })
        .def(
            "type", [](const Board& b, std::string text) { b.host->type(std::move(text)); },
            py::arg("text"), "Somebody types at the serial console.")
        .def("counters", [](const Board& b) { return counters_of(*b.host); })
        .def("program", &start_program, py::arg("steps"), py::kw_only(), py::arg("stays") = false,
             "Starts a thread that does `steps`; see kyusim.Board.program.")
        .def("fetch_big", &start_big, py::arg("remote"), py::arg("transfers") = 1,
             py::arg("port") = 114,
             "Starts a thread that fetches `big` again and again and compares every byte.")
        .def("listens", &listens, py::arg("port"),
             "Somebody waits for connections to this TCP port.")
        .def("state", &state_of, py::arg("port"), py::arg("remote"), py::arg("remote_port"),
             "The state of a connection (RFC 9293 3.3.2), as netstat would name it.")
        .def("cut_frames", &cut_frames, py::arg("place"),
             "Frames it receives from now on lie in two buffers, cut there; 0: in one; -1: each "
             "byte in one of its own.")
        .def("threads", &threads_of, "(id, name, state, what it waits for, locks it holds).");
}

// ---- Endpoint --------------------------------------------------------------------------------

std::span<const std::byte> frame_of(const py::buffer_info& info) {
    const py::ssize_t size = info.size * info.itemsize;
    if (info.ndim != 1 || info.strides[0] != info.itemsize) {
        throw std::invalid_argument("a contiguous buffer of one dimension is needed");
    }
    if (size > 1514) {
        throw std::invalid_argument("an Ethernet frame has at most 1514 bytes, not " +
                                    std::to_string(size));
    }
    return {static_cast<const std::byte*>(info.ptr), static_cast<std::size_t>(size)};
}

// Frames of an endpoint and when to send each: `times` rounds, `gap_us` from frame to frame.
std::uint64_t inject_many(SimWorld& world, const Endpoint& end, const py::sequence& frames,
                          std::uint64_t times, std::int64_t gap_us) {
    std::vector<host::Bytes> bytes;
    for (const py::handle each : frames) {
        const py::buffer_info held = each.cast<py::buffer>().request();
        const std::span<const std::byte> frame = frame_of(held);
        bytes.emplace_back(frame.begin(), frame.end());
    }
    const SimWorld::Turn turn(world);
    const py::gil_scoped_release unlocked;
    return world.inject_many(*end.host, bytes, times, Duration::from_us(gap_us));
}

py::list receive(const Endpoint& end) {
    py::list made;
    for (const ScriptedPeer::Arrival& each : end.host->inbox()) {
        const auto* bytes = reinterpret_cast<const char*>(each.frame.data());
        made.append(py::make_tuple(each.at.us(), py::bytes(bytes, each.frame.size())));
    }
    end.host->inbox().clear();
    return made;
}

void bind_endpoint(py::module_& m) {
    py::class_<Endpoint>(m, "Endpoint", py::module_local(), "One end of a wire without a stack.")
        .def_property_readonly("name", [](const Endpoint& end) { return end.host->name(); })
        .def(
            "send",
            [](const Endpoint& end, const py::buffer& frame) {
                const py::buffer_info held = frame.request();
                end.host->send(frame_of(held));
            },
            py::arg("frame"), "Puts one Ethernet frame (without FCS) on the wire, now.")
        .def("receive", &receive,
             "Takes the frames that have arrived: (time in us, bytes), oldest first.")
        .def("waiting", [](const Endpoint& end) { return end.host->inbox().size(); });
}

// ---- World -----------------------------------------------------------------------------------

Board make_board(SimWorld& world, const std::string& name, const std::string& ip,
                 unsigned prefix_bits, const std::string& gateway, std::uint64_t seed,
                 const std::string& mission_bug) {
    if (prefix_bits > 32) throw std::invalid_argument("prefix_bits is 0 to 32");
    const MissionBug bug = mission_bug_named(mission_bug);
    if (!mission_bug.empty() && (!kMissionBugs || bug == MissionBug::none)) {
        throw std::invalid_argument("no such mission bug in this build: " + mission_bug);
    }
    const std::uint64_t drawn = world.next_seed();
    Board board{std::make_shared<SimBoard>(
        app::SimBoardConfig{.name = name,
                            .address = ipv4_of(ip),
                            .prefix_bits = static_cast<std::uint8_t>(prefix_bits),
                            .gateway = ipv4_of(gateway),
                            .seed = seed != 0 ? seed : drawn,
                            .bug = PlantedBug{bug}})};
    world.add({board.host, board.host.get()});
    return board;
}

Endpoint make_endpoint(SimWorld& world, const std::string& name) {
    Endpoint end{std::make_shared<ScriptedPeer>(name)};
    world.add({end.host, nullptr});
    return end;
}

Host& host_of(const py::handle& given) {
    if (py::isinstance<Board>(given)) return *given.cast<Board&>().host;
    return *given.cast<Endpoint&>().host;
}

Fates fates_of(SimWorld& world, const py::object& given) {
    const std::uint64_t seed = world.next_seed();
    if (given.is_none()) return Fates::from_seed({}, seed);
    // load(), not isinstance(): plans of kyusim._sim are good for worlds of kyusim._planted too.
    py::detail::make_caster<FatePlan> plan;
    if (plan.load(given, false)) {
        return Fates::from_seed(py::detail::cast_op<const FatePlan&>(plan), seed);
    }
    return given.cast<Fates>();
}

const char* run_until(SimWorld& world, std::int64_t limit_us, const py::sequence& endpoints,
                      const ClientTask* task) {
    std::vector<ScriptedPeer*> ends;
    for (const py::handle end : endpoints) ends.push_back(end.cast<Endpoint&>().host.get());
    const SimWorld::Turn turn(world);
    const py::gil_scoped_release unlocked;
    return world.run_until(Instant::from_us(limit_us), ends, task);
}

bool step(SimWorld& world) {
    const SimWorld::Turn turn(world);
    const py::gil_scoped_release unlocked;
    return world.step();
}

std::vector<host::Fate> recorded(SimWorld& world, const py::object& to) {
    const Fates* fates = world.world().fates_to(host_of(to));
    return fates != nullptr ? fates->recorded() : std::vector<host::Fate>{};
}

std::vector<std::pair<std::uint32_t, host::Fate>> departures(SimWorld& world,
                                                             const py::object& to) {
    const Fates* fates = world.world().fates_to(host_of(to));
    if (fates == nullptr) return {};
    return fates->departures();
}

void change_fates(SimWorld& world, const py::object& to, const py::object& given) {
    Fates* fates = world.world().fates_to(host_of(to));
    if (fates == nullptr) throw std::invalid_argument("no wire leads to this host");
    *fates = fates_of(world, given);
}

std::pair<std::uint64_t, std::uint64_t> spoiled(SimWorld& world, const py::object& to) {
    const host::Spoiled counts = world.world().spoiled(host_of(to));
    return {counts.frames, counts.arp};
}

py::list take_frames(SimWorld& world) {
    py::list made;
    for (const Seen& each : world.take_seen()) {
        const auto* bytes = reinterpret_cast<const char*>(each.frame.data());
        made.append(py::make_tuple(each.at_us, each.from, each.to, each.number, each.lost,
                                   each.spoiled, py::bytes(bytes, each.frame.size())));
    }
    return made;
}

py::dict all_counters(SimWorld& world) {
    py::dict made;
    for (const Member& each : world.members()) {
        made[py::str(each.host->name())] = counters_of(*each.host);
    }
    return made;
}

}  // namespace

void bind_world(py::module_& m) {
    bind_task(m);
    bind_board(m);
    bind_endpoint(m);
    py::class_<SimWorld>(m, "World", py::module_local(), "Hosts and wires under one clock.")
        .def(py::init<std::uint64_t>(), py::arg("seed") = 1)
        .def_property_readonly("seed", &SimWorld::seed)
        .def_property_readonly("now_us", [](SimWorld& w) { return w.world().now().us(); })
        .def_property_readonly("next_event_us", &SimWorld::next_event_us,
                               "When something will happen by itself; None: never.")
        .def("board", &make_board, py::arg("name"), py::arg("ip"), py::kw_only(),
             py::arg("prefix_bits") = 24, py::arg("gateway") = "0.0.0.0", py::arg("seed") = 0,
             py::arg("mission_bug") = "", py::keep_alive<0, 1>())
        .def("endpoint", &make_endpoint, py::arg("name"), py::keep_alive<0, 1>())
        .def(
            "wire",
            [](SimWorld& w, const py::object& a, const py::object& b, const py::object& there,
               const py::object& back) {
                Fates to_b = fates_of(w, there);
                w.wire(host_of(a), host_of(b), std::move(to_b), fates_of(w, back));
            },
            py::arg("a"), py::arg("b"), py::arg("a_to_b") = py::none(),
            py::arg("b_to_a") = py::none(), "Joins two hosts.")
        .def(
            "hub",
            [](SimWorld& w, const py::sequence& hosts, const FatePlan* plan) {
                std::vector<Host*> ends;
                for (const py::handle each : hosts) ends.push_back(&host_of(each));
                w.hub(ends, plan != nullptr ? *plan : FatePlan{});
            },
            py::arg("hosts"), py::arg("fates") = py::none(), "All hosts hear each other.")
        .def("explore", &SimWorld::explore, py::arg("choices"), py::keep_alive<1, 2>(),
             "From now on `choices` decides who runs on every board; None: their priorities.")
        .def("step", &step, "Runs to the next event and through it. False: there is none.")
        .def("run_until", &run_until, py::arg("limit_us"), py::arg("endpoints") = py::tuple(),
             py::arg("task") = py::none(),
             "Runs until a time, a frame at one of the endpoints, the end of the task or a crash; "
             "says which.")
        .def("inject_many", &inject_many, py::arg("endpoint"), py::arg("frames"),
             py::arg("times") = 1, py::arg("gap_us") = 100,
             "Sends all of `frames`, `times` times over, running the world between them. Returns "
             "how many were sent: fewer when a board has crashed.")
        .def("recorded", &recorded, py::arg("to"), "The fates of the frames towards a host.")
        .def("departures", &departures, py::arg("to"),
             "(number, fate) of each frame towards a host that was more than delayed.")
        .def("change_fates", &change_fates, py::arg("to"), py::arg("fates"),
             "From now on these are the fates of the frames towards a host.")
        .def(
            "calm", [](SimWorld& w) { w.world().calm(); }, "Wires do no more harm from now on.")
        .def("spoiled", &spoiled, py::arg("to"),
             "(frames, of these ARP) that have arrived at a host with other bytes than were sent.")
        .def("watch", &SimWorld::watch, py::arg("on"), "Keep every frame until it is taken.")
        .def("take_frames", &take_frames,
             "Frames kept since: (time in us, from, to, number, lost, spoiled, bytes).")
        .def("hash", [](SimWorld& w) { return w.world().hash(); })
        .def("events", [](SimWorld& w) { return w.world().events(); })
        .def("counters", &all_counters);
}

}  // namespace kyu::bindings
