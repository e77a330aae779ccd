/* SPDX-License-Identifier: Apache-2.0 */
/* A task plugin for Orasi in C++: counts the primes up to a number.
 *
 * It looks at the cancel flag and makes a checkpoint every few milliseconds of work: when the worker dies, the next
 * attempt goes on where the last checkpoint was made. */
#include <orasi/orasi.hpp>

#define PLUGIN_ID "com.example.primes-cpp"
#define PLUGIN_NAME "primes-cpp"
#define PLUGIN_VERSION "1.0.0"

namespace {

constexpr std::int64_t step = 20000;      /* numbers between two looks at the host */
constexpr std::int64_t highest = 10000000;

/* What a checkpoint holds. */
struct state {
	std::int64_t next, found;
};

class plugin : public orasi::task {
public:
	plugin(orasi::host host, orasi::config config) : host_(host), up_to_(config.integer("/up_to", 100000))
	{
		if (up_to_ < 0 || up_to_ > highest)
			throw orasi::error(ORASI_E_CONFIG,
			                   "up_to is " + std::to_string(up_to_) + ", it must be 0 to 10000000");
	}

	static orasi::description describe()
	{
		orasi::description d;
		d.id = PLUGIN_ID;
		d.name = PLUGIN_NAME;
		d.version = PLUGIN_VERSION;
		d.summary = "Counts primes";
		d.config_schema = R"({"type":"object","additionalProperties":false,"properties":{
			"up_to":{"type":"integer","default":100000,"minimum":0,"maximum":10000000,
				"description":"Primes from 2 to this number are counted"}}})";
		d.features = {"task:" PLUGIN_NAME};
		d.flags = ORASI_FLAG_DETERMINISTIC;
		return d;
	}

	static const char *result_schema() noexcept
	{
		return R"({"type":"object","properties":{"primes":{"type":"integer","minimum":0}},"required":["primes"]})";
	}

	std::string run(const orasi_task_run &run) override
	{
		state now = begin(run.checkpoint);
		for (; now.next <= up_to_; now.next++) {
			if (now.next % step == 0)
				pause(now);
			now.found += is_prime(now.next);
		}
		return "{\"primes\":" + std::to_string(now.found) + "}";
	}

private:
	state begin(orasi_bytes checkpoint) const
	{
		state now = {2, 0};
		if (!checkpoint.len)
			return now;
		if (checkpoint.len != sizeof(now))
			throw orasi::error(ORASI_E_STATE, "the checkpoint is not of this plugin");
		std::memcpy(&now, checkpoint.ptr, sizeof(now));
		if (now.next < 2 || now.next > up_to_ + 1 || now.found < 0 || now.found > now.next)
			throw orasi::error(ORASI_E_STATE, "the checkpoint is damaged");
		return now;
	}

	/* A look at the host: stop, tell, keep. */
	void pause(const state &now) const
	{
		host_.check_cancelled();
		host_.progress(static_cast<std::uint64_t>(now.next), static_cast<std::uint64_t>(up_to_) + 1);
		host_.checkpoint(std::string_view(reinterpret_cast<const char *>(&now), sizeof(now)));
	}

	static bool is_prime(std::int64_t n) noexcept
	{
		if (n < 2 || (n > 2 && n % 2 == 0))
			return false;
		for (std::int64_t i = 3; i * i <= n; i += 2)
			if (n % i == 0)
				return false;
		return true;
	}

	orasi::host host_;
	std::int64_t up_to_;
};

} // namespace

ORASI_BUNDLE(PLUGIN_ID, PLUGIN_VERSION, "Example", "Apache-2.0", plugin)
