/* SPDX-License-Identifier: Apache-2.0 */
/* An index plugin for Orasi in C++: equality and IN on one column of any simple type.
 *
 * A segment is one blob: for every row that is not null the pair (hash of the value, row id), sorted. A value is found by
 * a binary search for its hash. Two values may have one hash, so an answer may hold rows too many: the index says that
 * it is LOSSY and the host looks at the rows again. Bytes of a segment are hostile when they are read: the only thing
 * taken from them is row ids, and those are held against the number of rows. */
#include <algorithm>

#include <orasi/orasi.hpp>

#define PLUGIN_ID "com.example.hash-cpp"
#define PLUGIN_NAME "hash-cpp"
#define PLUGIN_VERSION "1.0.0"

namespace {

constexpr char blob[] = "pairs";
constexpr std::uint64_t magic = 0x3148534148; /* "HASH1" */

struct header {
	std::uint64_t magic, rows, pairs, crc;
};

struct pair {
	std::uint64_t hash, row;
	bool operator<(const pair &other) const noexcept
	{
		return hash != other.hash ? hash < other.hash : row < other.row;
	}
};

std::uint64_t checksum(const header &h, const pair *pairs)
{
	std::uint32_t crc = crc32c(0, &h.rows, 2 * sizeof(std::uint64_t));
	return crc32c(crc, pairs, h.pairs * sizeof(pair));
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

bool is_number(arrow_type type) noexcept
{
	return type == ARROW_BOOL || (type >= ARROW_INT8 && type <= ARROW_UINT64) ||
	       (type >= ARROW_DATE32 && type <= ARROW_DURATION);
}

bool is_text(arrow_type type) noexcept
{
	return type == ARROW_UTF8 || type == ARROW_LARGE_UTF8 || type == ARROW_BINARY || type == ARROW_LARGE_BINARY;
}

/* FNV-1a, 64 bits, and a mix of the result. */
std::uint64_t hash_bytes(std::string_view bytes) noexcept
{
	std::uint64_t h = 0xcbf29ce484222325u;
	for (char c : bytes)
		h = (h ^ static_cast<std::uint8_t>(c)) * 0x100000001b3u;
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdu;
	return h ^ h >> 33;
}

std::uint64_t hash_value(const orasi::values &values, std::int64_t i) noexcept
{
	if (is_text(values.type()))
		return hash_bytes(values.text(i));
	std::int64_t number = values.integer(i);
	return hash_bytes(std::string_view(reinterpret_cast<const char *>(&number), sizeof(number)));
}

/* ---- building ---------------------------------------------------------------------------------------------------- */

class building : public orasi::index::build {
public:
	building(const ArrowSchema *keys, orasi::store dst) : keys_(keys), dst_(dst) {}

	void add(const ArrowArray &keys, std::uint64_t first_row) override
	{
		orasi::values values = orasi::values(keys_, &keys).child(0);
		for (std::int64_t i = 0; i < keys.length; i++)
			if (!values.is_null(i))
				pairs_.push_back({hash_value(values, i), first_row + static_cast<std::uint64_t>(i)});
		rows_ = std::max(rows_, first_row + static_cast<std::uint64_t>(keys.length));
	}

	void finish(orasi_segment_info &info) override
	{
		std::sort(pairs_.begin(), pairs_.end());
		header h = {magic, rows_, pairs_.size(), 0};
		h.crc = checksum(h, pairs_.data());
		std::uint64_t handle = dst_.create(blob);
		dst_.append(handle, &h, sizeof(h));
		dst_.append(handle, pairs_.data(), pairs_.size() * sizeof(pair));
		dst_.close(handle);
		info.format_version = 1;
		info.rows = rows_;
		info.entries = pairs_.size();
		info.bytes = sizeof(h) + pairs_.size() * sizeof(pair);
	}

private:
	const ArrowSchema *keys_;
	orasi::store dst_;
	std::vector<pair> pairs_;
	std::uint64_t rows_ = 0;
};

/* ---- reading ----------------------------------------------------------------------------------------------------- */

class found : public orasi::index::cursor {
public:
	explicit found(std::vector<std::uint64_t> rows) noexcept : rows_(std::move(rows)) {}

	bool next(orasi_hits &hits) override
	{
		std::size_t n = std::min<std::size_t>(rows_.size() - at_, hits.cap);
		std::copy_n(rows_.begin() + static_cast<std::ptrdiff_t>(at_), n, hits.row_ids);
		at_ += n;
		hits.n = static_cast<std::uint32_t>(n);
		return n != 0;
	}

private:
	std::vector<std::uint64_t> rows_;
	std::size_t at_ = 0;
};

class segment : public orasi::index::reader {
public:
	segment(orasi::store src, orasi_segment_info &info) : blob_(src, blob), size_(blob_.size())
	{
		const std::uint8_t *bytes = blob_.map();
		head_ = reinterpret_cast<const header *>(bytes);
		pairs_ = reinterpret_cast<const pair *>(bytes + sizeof(header));
		if (size_ < sizeof(header) || head_->magic != magic ||
		    head_->pairs != (size_ - sizeof(header)) / sizeof(pair) || (size_ - sizeof(header)) % sizeof(pair))
			throw orasi::error(ORASI_E_CORRUPT, "the segment is damaged: its header and its size do not agree");
		info.format_version = 1;
		info.rows = head_->rows;
		info.entries = head_->pairs;
		info.bytes = size_;
	}

	std::unique_ptr<orasi::index::cursor> query(const orasi_query &query) const override
	{
		return std::make_unique<found>(find(query));
	}

	std::uint64_t estimate(const orasi_query &query) const override { return find(query).size(); }

	void verify(std::uint32_t level) const override
	{
		if (level && checksum(*head_, pairs_) != head_->crc)
			throw orasi::error(ORASI_E_CORRUPT, "the segment is damaged: its checksum is wrong");
		for (std::uint64_t i = 0; level > 1 && i < head_->pairs; i++)
			if (pairs_[i].row >= head_->rows || (i && !(pairs_[i - 1] < pairs_[i])))
				throw orasi::error(ORASI_E_CORRUPT,
				                   "the segment is damaged: entry " + std::to_string(i) + " is out of order");
	}

private:
	/* The host looks at every row again, so one term is enough to find those that come into question. Ascending, each row
	 * once: IN may name a value twice. */
	std::vector<std::uint64_t> find(const orasi_query &query) const
	{
		const orasi_term *term = query.n_terms ? query.terms[0] : nullptr;
		std::vector<std::uint64_t> rows;
		if (!term || (term->op != ORASI_OP_EQ && term->op != ORASI_OP_IN))
			throw orasi::error(ORASI_E_UNSUPPORTED, "a hash index answers = and IN only");
		orasi::values values(term->type, term->values);
		for (std::int64_t i = 0; i < values.length(); i++)
			if (!values.is_null(i))
				add(hash_value(values, i), query.deleted, rows);
		std::sort(rows.begin(), rows.end());
		rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
		return rows;
	}

	void add(std::uint64_t hash, const orasi_rowset *deleted, std::vector<std::uint64_t> &rows) const
	{
		const pair *end = pairs_ + head_->pairs;
		for (const pair *p = std::lower_bound(pairs_, end, pair{hash, 0}); p != end && p->hash == hash; p++) {
			if (p->row >= head_->rows)
				throw orasi::error(ORASI_E_CORRUPT,
				                   "the segment is damaged: a row beyond its " + std::to_string(head_->rows));
			if (!deleted || !deleted->contains(deleted, p->row))
				rows.push_back(p->row);
		}
	}

	orasi::blob blob_;
	std::uint64_t size_;
	const header *head_ = nullptr;
	const pair *pairs_ = nullptr;
};

/* ---- the plugin -------------------------------------------------------------------------------------------------- */

class plugin : public orasi::index {
public:
	plugin(orasi::host, orasi::config, const ArrowSchema &keys) : keys_(keys)
	{
		arrow_type_info info;
		if (keys.n_children != 1)
			throw orasi::error(ORASI_E_CONFIG, "a hash index takes one column, not " + std::to_string(keys.n_children));
		if (arrow_type_parse(keys.children[0]->format, &info) || (!is_number(info.type) && !is_text(info.type)))
			throw orasi::error(ORASI_E_CONFIG, std::string("column '") + keys.children[0]->name +
			                                           "' cannot be hashed: use one of integers, booleans, times, text or bytes");
	}

	static orasi::description describe()
	{
		orasi::description d;
		d.id = PLUGIN_ID;
		d.name = PLUGIN_NAME;
		d.version = PLUGIN_VERSION;
		d.summary = "Equality and IN by hashes";
		d.config_schema = R"({"type":"object","additionalProperties":false,"properties":{}})";
		d.features = {"index:" PLUGIN_NAME};
		d.flags = ORASI_FLAG_DETERMINISTIC;
		return d;
	}

	static void caps(orasi_index_caps &ret) noexcept
	{
		ret.ops = 1u << ORASI_OP_EQ | 1u << ORASI_OP_IN;
		ret.flags = ORASI_INDEX_LOSSY;
		ret.max_columns = 1;
	}

	std::unique_ptr<orasi::index::build> begin(orasi::store dst) override
	{
		return std::make_unique<building>(keys_.get(), dst);
	}

	std::unique_ptr<orasi::index::reader> open(orasi::store src, orasi_segment_info &info) override
	{
		return std::make_unique<segment>(src, info);
	}

private:
	orasi::schema keys_;
};

} // namespace

ORASI_BUNDLE(PLUGIN_ID, PLUGIN_VERSION, "Example", "Apache-2.0", plugin)
