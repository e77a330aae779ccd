/* SPDX-License-Identifier: Apache-2.0 */
/* A notifier plugin for Orasi in C++: every event becomes a line of the agent's log.
 *
 * A real one would speak to a mail or chat server; what matters here is the same: each event has a status of its own. An
 * exception is that status: a transient one brings the event again, and the receiver can tell by its id that it has come
 * before. */
#include <orasi/orasi.hpp>

#define PLUGIN_ID "com.example.logbook-cpp"
#define PLUGIN_NAME "logbook-cpp"
#define PLUGIN_VERSION "1.0.0"

namespace {

class plugin : public orasi::notifier {
public:
	plugin(orasi::host host, orasi::config config) : host_(host), prefix_(config.text("/prefix", "event")) {}

	static orasi::description describe()
	{
		orasi::description d;
		d.id = PLUGIN_ID;
		d.name = PLUGIN_NAME;
		d.version = PLUGIN_VERSION;
		d.summary = "Events as lines of the log";
		d.config_schema = R"({"type":"object","additionalProperties":false,"properties":{
			"prefix":{"type":"string","default":"event","maxLength":64,"description":"What every line begins with"}}})";
		d.features = {"notifier:" PLUGIN_NAME};
		d.flags = ORASI_FLAG_DETERMINISTIC;
		return d;
	}

	void deliver(const orasi_event &event) override
	{
		std::string line(prefix_);
		line.append(" ").append(orasi::view_of(event.id)).append(": ").append(orasi::view_of(event.json));
		host_.log(level_of(event.severity), line);
	}

private:
	static std::int32_t level_of(std::uint32_t severity) noexcept
	{
		return severity == ORASI_SEVERITY_CRITICAL  ? ORASI_LOG_ERROR
		       : severity == ORASI_SEVERITY_WARNING ? ORASI_LOG_WARN
		                                            : ORASI_LOG_INFO;
	}

	orasi::host host_;
	std::string prefix_;
};

} // namespace

ORASI_BUNDLE(PLUGIN_ID, PLUGIN_VERSION, "Example", "Apache-2.0", plugin)
