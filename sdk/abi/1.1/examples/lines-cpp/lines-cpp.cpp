/* SPDX-License-Identifier: Apache-2.0 */
/* A format plugin for Orasi in C++: plain text, one row per line, as (line: int64, text: utf8).
 *
 * After each batch the mark says where the next line begins, so that another process can go on from there. A line that
 * is too long or no UTF-8 is not dropped: the host gets it with reason, place and bytes.
 *
 * Built with -DORASI_TARGET_MINOR=1 it can also be fed: then it takes the lines that are whole, and waits for the rest. */
#include <orasi/orasi.hpp>

#define PLUGIN_ID "com.example.lines-cpp"
#define PLUGIN_NAME "lines-cpp"
#define PLUGIN_VERSION "1.0.0"

namespace {

/* The state of a mark: where the next line begins. */
struct place {
	std::uint64_t offset, line, rows; /* before it */
};

#if ORASI_SINCE(1)
using base = orasi::fed_ingest;
#else
using base = orasi::ingest;
#endif

class plugin : public base {
public:
	plugin(orasi::host host, orasi::config config)
		: host_(host), max_line_(config.integer("/max_line", 1 << 20)), schema_(make_schema()), rows_(schema_.get())
	{
		if (max_line_ < 1)
			throw orasi::error(ORASI_E_CONFIG, "max_line must be at least 1 byte");
	}

	static orasi::description describe()
	{
		orasi::description d;
		d.id = PLUGIN_ID;
		d.name = PLUGIN_NAME;
		d.version = PLUGIN_VERSION;
		d.summary = "Plain text: one row per line";
		d.config_schema = R"({"type":"object","additionalProperties":false,"properties":{
			"max_line":{"type":"string","format":"bytes","default":"1MiB","description":"A longer line is rejected"}}})";
		d.features = {"format:" PLUGIN_NAME, "ext:.txt", "mime:text/plain"};
		d.requires_ext = {ORASI_HOST_REJECT};
		d.flags = ORASI_FLAG_DETERMINISTIC;
		return d;
	}

	static std::uint32_t sniff(std::string_view head, std::string_view name) noexcept
	{
		bool text = name.size() > 4 && name.substr(name.size() - 4) == ".txt";
		return text && head.find('\0') == head.npos ? 50 : 0;
	}

	orasi::schema open(const orasi_ingest_open &open) override
	{
		begin(open);
		skip(place_.offset);
		return schema_.copy();
	}

#if ORASI_SINCE(1)
	orasi::schema open_fed(const orasi_ingest_open &open, std::uint64_t &from) override
	{
		begin(open);
		fed_ = true;
		from = place_.offset;
		return schema_.copy();
	}

	void feed(std::string_view bytes, bool last) override
	{
		bytes_.erase(0, begin_);
		begin_ = 0;
		bytes_.append(bytes);
		at_end_ = last;
	}
#endif

	bool next(orasi::array &batch, orasi::mark &mark) override
	{
		while (rows_.length() < max_rows_ && rows_.bytes() < max_bytes_ && take_line())
			;
		if (!rows_.length())
			return false;
		batch = rows_.finish();
		mark.resumable = true;
		mark.rows_total = place_.rows;
		mark.bytes_total = place_.offset;
		mark.state.assign(reinterpret_cast<const char *>(&place_), sizeof(place_));
		return true;
	}

	orasi::schema current_schema() override { return schema_.copy(); }
	void close() override { rows_.clear(); }

private:
	static constexpr std::size_t chunk = 65536;

	static orasi::schema make_schema()
	{
		orasi::schema s("+s", "", false, 2);
		s.child(0, "l", "line", false).child(1, "u", "text", false);
		return s;
	}

	void begin(const orasi_ingest_open &open)
	{
		if (open.flags & ORASI_OPEN_PROJECT)
			throw orasi::error(ORASI_E_UNSUPPORTED, "lines have no columns to choose from");
		source_ = orasi::source(open.source);
		max_rows_ = open.max_rows;
		max_bytes_ = open.max_bytes;
		place_ = {};
		bytes_.clear();
		begin_ = 0;
		gone_ = 0;
		fed_ = at_end_ = false;
		if (open.checkpoint.len) {
			if (open.checkpoint.len != sizeof(place_))
				throw orasi::error(ORASI_E_STATE, "the checkpoint is not of this plugin");
			std::memcpy(&place_, open.checkpoint.ptr, sizeof(place_));
		}
	}

	/* What has come and is not yet taken. */
	std::string_view window() const noexcept { return std::string_view(bytes_).substr(begin_); }

	/* False at the end, and when it is fed: then more comes by itself. */
	bool fill()
	{
		host_.check_cancelled();
		if (fed_)
			return false;
		bytes_.erase(0, begin_);
		begin_ = 0;
		std::size_t have = bytes_.size();
		bytes_.resize(have + chunk);
		std::size_t got = source_.read(&bytes_[have], chunk);
		bytes_.resize(have + got);
		at_end_ = !got;
		return got != 0;
	}

	void take(std::size_t n)
	{
		begin_ += n;
		place_.offset += n;
	}

	/* Goes to the place of a checkpoint. */
	void skip(std::uint64_t n)
	{
		while (n) {
			if (window().empty() && !fill())
				throw orasi::error(ORASI_E_STATE, "the source is shorter than when the checkpoint was made");
			std::size_t step = window().size() < n ? window().size() : static_cast<std::size_t>(n);
			begin_ += step;
			n -= step;
		}
	}

	void reject(const place &at, const char *code, std::string_view message, std::string_view raw, std::uint64_t whole)
	{
		orasi_rejected r = {};
		r.struct_size = sizeof(r);
		r.code = code;
		r.message = orasi::str(message);
		r.column = orasi::str("text");
		r.byte_offset = static_cast<std::int64_t>(at.offset);
		r.line = static_cast<std::int64_t>(at.line) + 1;
		r.row = static_cast<std::int64_t>(at.line);
		r.raw = {reinterpret_cast<const std::uint8_t *>(raw.data()), raw.size()};
		r.raw_len = whole;
		host_.reject(r);
	}

	/* A line of any length goes by in pieces; the host gets its beginning. Our place stays before it until it is reported.
	 * False: the rest of it is not there yet. */
	bool reject_long()
	{
		const place at = place_;
		std::size_t end;
		do {
			end = window().find('\n');
			std::size_t n = end == std::string_view::npos ? window().size() : end + 1;
			begin_ += n;
			gone_ += n;
		} while (end == std::string_view::npos && fill());
		if (end == std::string_view::npos && !at_end_)
			return false;
		place_.offset += gone_;
		place_.line++;
		gone_ = 0;
		reject(at, "line.length", "the line is longer than max_line", kept_, place_.offset - at.offset);
		return true;
	}

	/* False when no line is whole. */
	bool take_line()
	{
		const place at = place_;
		const std::size_t max = static_cast<std::size_t>(max_line_);
		std::size_t end;
		if (gone_)
			return reject_long();
		while ((end = window().find('\n')) == std::string_view::npos && window().size() <= max)
			if (!fill())
				break;
		if (window().empty() || (end == std::string_view::npos && window().size() <= max && !at_end_))
			return false;
		std::size_t n = end == std::string_view::npos ? window().size() : end;
		if (n > max) {
			kept_ = window().substr(0, max < 65536 ? max : 65536);
			return reject_long();
		}
		std::string_view line = window().substr(0, n);
		take(end == std::string_view::npos ? n : n + 1);
		place_.line++;
		if (!arrow_utf8_valid(line.data(), line.size())) {
			reject(at, "utf8", "the line is no UTF-8 text", line, line.size());
			return true;
		}
		if (!line.empty() && line.back() == '\r')
			line.remove_suffix(1);
		rows_.column(0).integer(static_cast<std::int64_t>(place_.line));
		rows_.column(1).text(line);
		rows_.end_row();
		place_.rows++;
		return true;
	}

	orasi::host host_;
	std::int64_t max_line_;
	orasi::schema schema_;
	orasi::builder rows_;
	orasi::source source_;
	std::int64_t max_rows_ = 0;
	std::uint64_t max_bytes_ = 0;
	place place_ = {};
	std::string bytes_, kept_; /* kept_: the beginning of a line that is too long */
	std::size_t begin_ = 0;
	std::uint64_t gone_ = 0; /* of such a line */
	bool fed_ = false, at_end_ = false;
};

} // namespace

ORASI_BUNDLE(PLUGIN_ID, PLUGIN_VERSION, "Example", "Apache-2.0", plugin)
