/* SPDX-License-Identifier: Apache-2.0 */
/* Plugins in C++17: a class per plugin, objects that clean up after themselves, exceptions that become errors at the
 * border. Header-only, over orasi/plugin.h and the helper library (liborasi-sdk).
 *
 *   class lines : public orasi::ingest { …  static orasi::description describe(); };
 *   ORASI_BUNDLE("com.example.lines", "1.0.0", "Example", "Apache-2.0", lines)
 *
 * Every function of the ABI is a noexcept trampoline: orasi::error gives its status and sentence, std::bad_alloc
 * ORASI_E_NOMEM, any other exception ORASI_E_INTERNAL with what() as the sentence.
 *
 * Threading: the tags of the C headers hold for the methods of the same name: [inst], if nothing else is said. */
#ifndef ORASI_HPP
#define ORASI_HPP

#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <orasi/plugin.h>
#include <orasi/sdk/arrow.h>

namespace orasi {

/* ---- errors ------------------------------------------------------------------------------------------------------ */

class error : public std::runtime_error {
public:
	error(orasi_status s, const std::string &sentence) : std::runtime_error(sentence), status(s) {}

	orasi_status status;
	std::int64_t row = -1, offset = -1; /* -1: unknown */
	std::string where;
};

namespace detail {

inline void put(char *to, std::size_t cap, const char *text) noexcept
{
	std::snprintf(to, cap, "%s", text && *text ? text : "it failed without a reason");
}

inline orasi_status tell(orasi_error *err, orasi_status status, const char *text) noexcept
{
	if (err)
		put(err->message, sizeof(err->message), text);
	return status;
}

/* Runs f; what it throws becomes a status and a sentence. */
template <class F> orasi_status guard(orasi_error *err, F &&f) noexcept
{
	try {
		return f();
	} catch (const error &e) {
		if (err) {
			err->row = e.row;
			err->offset = e.offset;
			std::snprintf(err->where, sizeof(err->where), "%s", e.where.c_str());
		}
		return tell(err, e.status, e.what());
	} catch (const std::bad_alloc &) {
		return tell(err, ORASI_E_NOMEM, "out of memory");
	} catch (const std::exception &e) {
		return tell(err, ORASI_E_INTERNAL, e.what());
	} catch (...) {
		return tell(err, ORASI_E_INTERNAL, "an exception that is no std::exception");
	}
}

inline void must(int r)
{
	if (r)
		throw std::bad_alloc();
}

} // namespace detail

inline orasi_str str(std::string_view text) noexcept
{
	return orasi_str{text.data(), text.size()};
}
inline std::string_view view_of(orasi_str text) noexcept
{
	return std::string_view(text.ptr ? text.ptr : "", text.len);
}

/* ---- Arrow ------------------------------------------------------------------------------------------------------- */

/* Owns a schema; move-only. */
class schema {
public:
	schema() noexcept : c_() {}
	/* A field with room for n children, which are made by child(i, …). */
	schema(const char *format, const char *name, bool nullable = false, std::int64_t n = 0) : c_()
	{
		detail::must(arrow_schema_make(&c_, format, name, nullable, n));
	}
	explicit schema(const ArrowSchema &other) : c_() { detail::must(arrow_schema_copy(&c_, &other)); }
	schema(schema &&other) noexcept : c_(other.c_) { other.c_.release = nullptr; }
	schema &operator=(schema &&other) noexcept
	{
		std::swap(c_, other.c_);
		return *this;
	}
	schema(const schema &) = delete;
	schema &operator=(const schema &) = delete;
	~schema() { arrow_schema_release(&c_); }

	schema &child(std::int64_t i, const char *format, const char *name, bool nullable = true, std::int64_t n = 0)
	{
		detail::must(arrow_schema_make(c_.children[i], format, name, nullable, n));
		return *this;
	}
	schema copy() const { return schema(c_); }
	const ArrowSchema *get() const noexcept { return &c_; }
	ArrowSchema *get() noexcept { return &c_; }
	/* Gives it away: the caller releases it. */
	ArrowSchema leave() noexcept
	{
		ArrowSchema c = c_;
		c_.release = nullptr;
		return c;
	}

private:
	ArrowSchema c_;
};

/* Owns an array; move-only. */
class array {
public:
	array() noexcept : c_() {}
	explicit array(ArrowArray &&taken) noexcept : c_(taken) { taken.release = nullptr; }
	/* A record batch of whole columns, as many as its schema has, `n` rows each. */
	array(std::int64_t n, std::vector<array> &&columns) : c_()
	{
		std::vector<ArrowArray> moved;
		moved.reserve(columns.size() + 1);
		for (array &column : columns)
			moved.push_back(column.leave());
		int r = arrow_array_struct(&c_, n, moved.data(), static_cast<std::int64_t>(moved.size()));
		for (ArrowArray &column : moved)
			arrow_array_release(&column); /* what has not been taken */
		detail::must(r);
	}
	array(array &&other) noexcept : c_(other.c_) { other.c_.release = nullptr; }
	array &operator=(array &&other) noexcept
	{
		std::swap(c_, other.c_);
		return *this;
	}
	array(const array &) = delete;
	array &operator=(const array &) = delete;
	~array() { arrow_array_release(&c_); }

	const ArrowArray *get() const noexcept { return &c_; }
	ArrowArray *get() noexcept { return &c_; }
	std::int64_t length() const noexcept { return c_.length; }
	std::int64_t columns() const noexcept { return c_.n_children; }
	const ArrowArray &column(std::int64_t i) const noexcept { return *c_.children[i]; }
	/* Moves column i out; it is not here any more. */
	array take(std::int64_t i) noexcept { return array(std::move(*c_.children[i])); }
	ArrowArray leave() noexcept
	{
		ArrowArray c = c_;
		c_.release = nullptr;
		return c;
	}

private:
	ArrowArray c_;
};

/* Appends values to one column; belongs to its builder. */
class column {
public:
	explicit column(arrow_builder *b) noexcept : b_(b) {}
	void null() { detail::must(arrow_append_null(b_)); }
	void integer(std::int64_t v) { detail::must(arrow_append_int(b_, v)); }
	void number(double v) { detail::must(arrow_append_double(b_, v)); }
	void boolean(bool v) { detail::must(arrow_append_bool(b_, v)); }
	void text(std::string_view v) { detail::must(arrow_append_bytes(b_, v.data(), v.size())); }
	void end_list() { detail::must(arrow_end_list(b_)); }
	void end_struct() { detail::must(arrow_end_struct(b_)); }
	column child(std::int64_t i) noexcept { return column(arrow_builder_child(b_, i)); }

private:
	arrow_builder *b_;
};

/* Builds record batches of a struct schema: a value into every column, then end_row. Of any other schema it builds one
 * column: values into whole(). */
class builder {
public:
	explicit builder(const ArrowSchema *s) : b_(arrow_builder_new(s)) { detail::must(!b_); }
	builder(const builder &) = delete;
	builder &operator=(const builder &) = delete;
	~builder() { arrow_builder_free(b_); }

	orasi::column column(std::int64_t i) noexcept { return orasi::column(arrow_builder_child(b_, i)); }
	orasi::column whole() noexcept { return orasi::column(b_); }
	void end_row() { detail::must(arrow_end_struct(b_)); }
	std::int64_t length() const noexcept { return arrow_builder_length(b_); }
	std::size_t bytes() const noexcept { return arrow_builder_bytes(b_); }
	void clear() noexcept { arrow_builder_truncate(b_, 0); }
	array finish()
	{
		array a;
		detail::must(arrow_builder_finish(b_, a.get()));
		return a;
	}

private:
	arrow_builder *b_;
};

/* Reads a column of a batch. */
class values {
public:
	values(const ArrowSchema *s, const ArrowArray *a)
	{
		if (arrow_view_init(&v_, s, a))
			throw error(ORASI_E_INVALID, "an array is not of its schema");
	}
	values child(std::int64_t i) const
	{
		values c;
		if (arrow_view_child(&v_, i, &c.v_))
			throw error(ORASI_E_INVALID, "an array has fewer children than its schema");
		return c;
	}
	std::int64_t length() const noexcept { return v_.length; }
	bool is_null(std::int64_t i) const noexcept { return arrow_view_is_null(&v_, i); }
	std::int64_t integer(std::int64_t i) const noexcept { return arrow_view_int(&v_, i); }
	double number(std::int64_t i) const noexcept { return arrow_view_double(&v_, i); }
	std::string_view text(std::int64_t i) const noexcept
	{
		std::size_t n;
		const void *p = arrow_view_bytes(&v_, i, &n);
		return std::string_view(static_cast<const char *>(p), n);
	}
	arrow_type type() const noexcept { return v_.info.type; }

private:
	values() : v_() {}
	arrow_view v_;
};

/* ---- what the host offers ---------------------------------------------------------------------------------------- */

class config {
public:
	explicit config(const orasi_config *c) noexcept : c_(c) {}
	std::int64_t integer(const char *pointer, std::int64_t otherwise) const noexcept
	{
		if (c_)
			c_->get_i64(c_, pointer, &otherwise);
		return otherwise;
	}
	double number(const char *pointer, double otherwise) const noexcept
	{
		if (c_)
			c_->get_f64(c_, pointer, &otherwise);
		return otherwise;
	}
	bool boolean(const char *pointer, bool otherwise) const noexcept
	{
		std::int32_t v = otherwise;
		if (c_)
			c_->get_bool(c_, pointer, &v);
		return v != 0;
	}
	std::string text(const char *pointer, std::string_view otherwise) const
	{
		orasi_str v = str(otherwise);
		if (c_)
			c_->get_str(c_, pointer, &v);
		return std::string(view_of(v));
	}

private:
	const orasi_config *c_;
};

/* The host of one instance. Extensions may be missing: what needs them then does nothing, but reject fails. */
class host {
public:
	explicit host(const orasi_host *h) noexcept
		: c_(h), log_(static_cast<const orasi_host_log *>(h->get_extension(h, ORASI_HOST_LOG))),
		  job_(static_cast<const orasi_host_job *>(h->get_extension(h, ORASI_HOST_JOB))),
		  reject_(static_cast<const orasi_host_reject *>(h->get_extension(h, ORASI_HOST_REJECT))),
		  kv_(static_cast<const orasi_host_kv *>(h->get_extension(h, ORASI_HOST_KV)))
	{
	}
	void log(std::int32_t level, std::string_view line) const noexcept
	{
		if (log_ && level >= log_->min_level)
			log_->log(c_, level, str(line), nullptr, 0);
	}
	bool cancelled() const noexcept { return job_ && *job_->cancel_flag; }
	/* Call it at least every 100 ms of work. */
	void check_cancelled() const
	{
		if (cancelled())
			throw error(ORASI_E_CANCELLED, "the task was cancelled");
	}
	void progress(std::uint64_t done, std::uint64_t total) const noexcept
	{
		if (job_)
			job_->progress(c_, done, total, str(""));
	}
	/* Tasks: durable when it comes back. */
	void checkpoint(std::string_view state) const
	{
		orasi_error err = ORASI_NO_ERROR;
		if (!job_)
			return;
		orasi_status status = job_->checkpoint(
			c_, orasi_bytes{reinterpret_cast<const std::uint8_t *>(state.data()), state.size()}, &err);
		if (status)
			throw error(status, err.message);
	}
	void reject(const orasi_rejected &rejected) const
	{
		std::string sentence(view_of(rejected.message));
		orasi_status status = reject_ ? reject_->reject(c_, &rejected) : ORASI_E_CORRUPT;
		if (status)
			throw error(status, sentence);
	}
	/* What an earlier task of this plugin has left under the key; false: nothing. */
	bool recall(std::string_view key, std::string &ret) const
	{
		orasi_bytes value = {nullptr, 0};
		orasi_status status = kv_ ? kv_->get(c_, str(key), &value) : ORASI_E_NOTFOUND;
		if (status == ORASI_E_NOTFOUND)
			return false;
		if (status)
			throw error(status, "the state of the plugin cannot be read");
		ret.assign(reinterpret_cast<const char *>(value.ptr), value.len);
		return true;
	}
	/* For later ones: true when this task succeeds. */
	void remember(std::string_view key, std::string_view value) const
	{
		orasi_error err = ORASI_NO_ERROR;
		if (!kv_)
			throw error(ORASI_E_UNSUPPORTED, "this host keeps no state of plugins");
		orasi_status status = kv_->put(
			c_, str(key), orasi_bytes{reinterpret_cast<const std::uint8_t *>(value.data()), value.size()}, &err);
		if (status)
			throw error(status, err.message);
	}
	void forget(std::string_view key) const
	{
		orasi_error err = ORASI_NO_ERROR;
		orasi_status status = kv_ ? kv_->remove(c_, str(key), &err) : ORASI_OK;
		if (status)
			throw error(status, err.message);
	}
	const void *extension(const char *id) const noexcept { return c_->get_extension(c_, id); }
	const orasi_host *get() const noexcept { return c_; }

private:
	const orasi_host *c_;
	const orasi_host_log *log_;
	const orasi_host_job *job_;
	const orasi_host_reject *reject_;
	const orasi_host_kv *kv_;
};

/* A byte source. */
class source {
public:
	source() noexcept : c_(nullptr) {}
	explicit source(orasi_source *c) noexcept : c_(c) {}
	/* Up to n bytes; 0 is the end. Short reads are normal. */
	std::size_t read(void *to, std::size_t n)
	{
		orasi_error err = ORASI_NO_ERROR;
		std::size_t got = 0;
		orasi_status status = c_->read(c_, to, n, &got, &err);
		if (status)
			throw error(status, err.message);
		return got;
	}
	std::string_view uri() const noexcept { return view_of(c_->uri); }

private:
	orasi_source *c_;
};

/* The blobs of one segment of an index: written once, then read. */
class store {
public:
	explicit store(orasi_store *c) noexcept : c_(c) {}
	std::uint64_t create(const char *name)
	{
		std::uint64_t handle = 0;
		check([&](orasi_error *err) { return c_->create(c_, name, &handle, err); });
		return handle;
	}
	void append(std::uint64_t handle, const void *p, std::size_t n)
	{
		if (n)
			check([&](orasi_error *err) { return c_->append(c_, handle, p, n, err); });
	}
	/* Inside of what was appended. */
	void pwrite(std::uint64_t handle, std::uint64_t off, const void *p, std::size_t n)
	{
		check([&](orasi_error *err) { return c_->pwrite(c_, handle, off, p, n, err); });
	}
	std::uint64_t open(const char *name, std::uint64_t &ret_size)
	{
		std::uint64_t handle = 0;
		check([&](orasi_error *err) { return c_->open(c_, name, &handle, &ret_size, err); });
		return handle;
	}
	void pread(std::uint64_t handle, std::uint64_t off, void *p, std::size_t n)
	{
		check([&](orasi_error *err) { return c_->pread(c_, handle, off, p, n, err); });
	}
	/* All of the blob, until it is closed. */
	const std::uint8_t *map(std::uint64_t handle)
	{
		const std::uint8_t *bytes = nullptr;
		check([&](orasi_error *err) { return c_->map(c_, handle, &bytes, err); });
		return bytes;
	}
	void close(std::uint64_t handle)
	{
		check([&](orasi_error *err) { return c_->close(c_, handle, err); });
	}

private:
	template <class F> static void check(F &&f)
	{
		orasi_error err = {};
		err.struct_size = sizeof(err);
		orasi_status status = f(&err);
		if (status)
			throw error(status, err.message);
	}
	orasi_store *c_;
};

/* A blob that is read, closed at the end. */
class blob {
public:
	blob(store from, const char *name) : from_(from), handle_(from_.open(name, size_)) {}
	blob(const blob &) = delete;
	blob &operator=(const blob &) = delete;
	~blob()
	{
		try {
			from_.close(handle_);
		} catch (...) {
		}
	}
	std::uint64_t size() const noexcept { return size_; }
	const std::uint8_t *map() { return from_.map(handle_); }
	void pread(std::uint64_t off, void *p, std::size_t n) { from_.pread(handle_, off, p, n); }

private:
	store from_;
	std::uint64_t size_ = 0;
	std::uint64_t handle_;
};

/* ---- descriptions ------------------------------------------------------------------------------------------------ */

/* What a plugin's static describe() gives; texts must be literals. */
struct description {
	const char *id, *name, *version, *summary, *config_schema;
	std::vector<const char *> features, requires_ext;
	std::uint32_t flags = 0, state_version = 1, state_version_min = 1;
	const char *doc_url = nullptr;
};

/* ---- kinds: derive from one of these ----------------------------------------------------------------------------- */

struct mark {
	bool resumable = false;
	std::uint64_t rows_total = 0, bytes_total = 0;
	std::string state; /* lives until the next call */
};

/* next: true with a batch, false at the end. See orasi/ingest.h for the contract. */
class ingest {
public:
	static constexpr std::uint32_t kind = ORASI_KIND_INGEST;
	virtual ~ingest() = default;
	virtual schema open(const orasi_ingest_open &open) = 0;
	virtual bool next(array &batch, mark &mark) = 0;
	virtual schema current_schema() = 0;
	virtual void close() {}
	/* A table of functions that this instance offers besides; the table gets the instance as its `self`. */
	virtual const void *get_extension(const char *) noexcept { return nullptr; }
	/* Derived classes may have: static std::uint32_t sniff(std::string_view head, std::string_view name) noexcept. */
	static std::uint32_t sniff(std::string_view, std::string_view) noexcept { return 0; }

	mark last_mark;     /* keeps the state alive */
	bool waits = false; /* it is fed, and more may come: a next that gives false is no end */
};

#if ORASI_SINCE(1)
namespace detail {
inline const void *feed_extension(const char *id) noexcept;
}

/* A format that can also be fed: bytes are handed to it as they come. Then next gives false when no record is whole; that
 * this is not the end, the one who feeds knows. See orasi/ingest.h for the contract. */
class fed_ingest : public ingest {
public:
	/* As open, without a source to read. `from`: the byte of the source that the first feed has to begin with. */
	virtual schema open_fed(const orasi_ingest_open &open, std::uint64_t &from) = 0;
	/* The bytes live for the call. `last`: none follow. */
	virtual void feed(std::string_view bytes, bool last) = 0;

	const void *get_extension(const char *id) noexcept override { return detail::feed_extension(id); }
};
#endif

class transform {
public:
	static constexpr std::uint32_t kind = ORASI_KIND_TRANSFORM;
	/* Where batches go; a sink that has enough ends the call by an exception. */
	class sink {
	public:
		explicit sink(orasi_sink *c) noexcept : c_(c) {}
		void push(array &&batch)
		{
			ArrowArray c = batch.leave();
			orasi_status status = c_->push(c_, &c);
			if (status)
				throw error(status, "the host takes no more batches");
		}

	private:
		orasi_sink *c_;
	};
	virtual ~transform() = default;
	virtual schema bind(const ArrowSchema &in, std::string_view state) = 0;
	virtual void process(array &&in, sink &out) = 0;
	virtual void flush(sink &) {}
	virtual std::string save() { return std::string(); }

	std::string saved;
};

class task {
public:
	static constexpr std::uint32_t kind = ORASI_KIND_TASK;
	virtual ~task() = default;
	/* The result as JSON text. */
	virtual std::string run(const orasi_task_run &run) = 0;
	/* Derived classes may have the same: the JSON Schema of results, a literal. */
	static const char *result_schema() noexcept { return nullptr; }

	std::string result;
};

class notifier {
public:
	static constexpr std::uint32_t kind = ORASI_KIND_NOTIFIER;
	virtual ~notifier() = default;
	virtual void deliver(const orasi_event &event) = 0; /* an exception is this event's status */
};

/* See orasi/index.h for the contract. Derived classes have a constructor (host, config, const ArrowSchema &keys), which
 * throws ORASI_E_CONFIG for columns that it cannot index, and static void caps(orasi_index_caps &ret) noexcept. Without
 * merge the host builds anew. */
class index {
public:
	static constexpr std::uint32_t kind = ORASI_KIND_INDEX;
	/* One segment that comes into being; without finish it leaves nothing. */
	class build {
	public:
		virtual ~build() = default;
		virtual void add(const ArrowArray &keys, std::uint64_t first_row) = 0;
		virtual void finish(orasi_segment_info &info) = 0;
	};
	class cursor {
	public:
		virtual ~cursor() = default;
		virtual bool next(orasi_hits &hits) = 0; /* [cur] false at the end */
	};
	/* Its methods are [any]. */
	class reader {
	public:
		virtual ~reader() = default;
		virtual std::unique_ptr<cursor> query(const orasi_query &query) const = 0;
		virtual std::uint64_t estimate(const orasi_query &query) const = 0;
		virtual void verify(std::uint32_t level) const = 0;
	};
	virtual ~index() = default;
	virtual std::unique_ptr<build> begin(store dst) = 0;
	virtual std::unique_ptr<reader> open(store src, orasi_segment_info &info) = 0;
};

/* ---- the border -------------------------------------------------------------------------------------------------- */

namespace detail {

template <class P> const orasi_descriptor *descriptor() noexcept
{
	static const orasi_descriptor *made = []() noexcept -> const orasi_descriptor * {
		try {
			static description d = P::describe();
			static orasi_descriptor c = {};
			d.features.push_back(nullptr);
			d.requires_ext.push_back(nullptr);
			c.struct_size = sizeof(c);
			c.kind = P::kind;
			c.flags = d.flags;
			c.state_version = d.state_version;
			c.state_version_min = d.state_version_min;
			c.id = d.id;
			c.name = d.name;
			c.version = d.version;
			c.summary = d.summary;
			c.doc_url = d.doc_url;
			c.config_schema = d.config_schema;
			c.features = d.features.data();
			c.requires_ext = d.requires_ext.data();
			return &c;
		} catch (...) {
			return nullptr;
		}
	}();
	return made;
}

template <class P> bool is_named(const char *id) noexcept
{
	return descriptor<P>() && id && !std::strcmp(descriptor<P>()->id, id);
}

template <class Base, class P> bool make_one(const char *id, const orasi_host *h, const orasi_config *c, Base *&ret)
{
	if constexpr (P::kind == Base::kind) {
		if (is_named<P>(id)) {
			ret = new P(host(h), config(c));
			return true;
		}
	}
	(void)id, (void)h, (void)c, (void)ret;
	return false;
}

template <class Base, class... P>
orasi_status create(const orasi_host *h, const char *id, const orasi_config *c, void **ret_self, orasi_error *err) noexcept
{
	return guard(err, [&]() -> orasi_status {
		Base *made = nullptr;
		if (!(make_one<Base, P>(id, h, c, made) || ...))
			throw error(ORASI_E_NOTFOUND, "this file has no such plugin");
		*ret_self = made;
		return ORASI_OK;
	});
}

template <class P>
bool make_index(const char *id, const orasi_host *h, const orasi_config *c, const ArrowSchema &keys, index *&ret)
{
	if constexpr (P::kind == ORASI_KIND_INDEX) {
		if (is_named<P>(id)) {
			ret = new P(host(h), config(c), keys);
			return true;
		}
	}
	(void)id, (void)h, (void)c, (void)keys, (void)ret;
	return false;
}

template <class... P>
orasi_status create_index(const orasi_host *h, const char *id, const orasi_config *c, const ArrowSchema *keys,
                          void **ret_self, orasi_error *err) noexcept
{
	return guard(err, [&]() -> orasi_status {
		index *made = nullptr;
		if (!(make_index<P>(id, h, c, *keys, made) || ...))
			throw error(ORASI_E_NOTFOUND, "this file has no such plugin");
		*ret_self = made;
		return ORASI_OK;
	});
}

template <class P> bool caps_one(const char *id, orasi_index_caps *ret) noexcept
{
	if constexpr (P::kind == ORASI_KIND_INDEX) {
		if (is_named<P>(id)) {
			P::caps(*ret);
			return true;
		}
	}
	(void)id, (void)ret;
	return false;
}

template <class... P> orasi_status index_caps(const char *id, orasi_index_caps *ret) noexcept
{
	return (caps_one<P>(id, ret) || ...) ? ORASI_OK : ORASI_E_NOTFOUND;
}

template <class P> bool result_schema_one(const char *id, const char *&ret) noexcept
{
	if constexpr (P::kind == ORASI_KIND_TASK) {
		if (is_named<P>(id)) {
			ret = P::result_schema();
			return true;
		}
	}
	(void)id, (void)ret;
	return false;
}

template <class... P> const char *result_schema(const char *id) noexcept
{
	const char *found = nullptr;
	(void)(result_schema_one<P>(id, found) || ...);
	return found;
}

template <class Base> void destroy(void *self) noexcept
{
	delete static_cast<Base *>(self);
}

inline const void *no_extension(void *, const char *) noexcept
{
	return nullptr;
}

template <class P> bool sniff_one(const char *id, std::string_view head, std::string_view name, std::uint32_t *ret) noexcept
{
	if constexpr (P::kind == ORASI_KIND_INGEST) {
		if (is_named<P>(id)) {
			*ret = P::sniff(head, name);
			return true;
		}
	}
	(void)id, (void)head, (void)name, (void)ret;
	return false;
}

inline std::string_view bytes_view(orasi_bytes b) noexcept
{
	return std::string_view(b.ptr ? reinterpret_cast<const char *>(b.ptr) : "", b.len);
}

template <class... P> orasi_status sniff(const char *id, orasi_bytes head, orasi_str name, std::uint32_t *ret) noexcept
{
	*ret = 0;
	return (sniff_one<P>(id, bytes_view(head), view_of(name), ret) || ...) ? ORASI_OK : ORASI_E_NOTFOUND;
}

inline orasi_status ingest_open(void *self, const orasi_ingest_open *open, ArrowSchema *ret, orasi_error *err) noexcept
{
	return guard(err, [&]() -> orasi_status {
		ingest *p = static_cast<ingest *>(self);
		p->waits = false;
		*ret = p->open(*open).leave();
		return ORASI_OK;
	});
}

inline const void *ingest_extension(void *self, const char *id) noexcept
{
	return static_cast<ingest *>(self)->get_extension(id);
}

inline orasi_status ingest_next(void *self, ArrowArray *ret, orasi_mark *m, orasi_error *err) noexcept
{
	return guard(err, [&]() -> orasi_status {
		ingest *p = static_cast<ingest *>(self);
		array batch;
		p->last_mark = mark();
		if (!p->next(batch, p->last_mark))
			return p->waits ? ORASI_AGAIN : ORASI_END;
		m->flags = p->last_mark.resumable ? ORASI_MARK_RESUMABLE : 0;
		m->rows_total = p->last_mark.rows_total;
		m->bytes_total = p->last_mark.bytes_total;
		m->state = orasi_bytes{reinterpret_cast<const std::uint8_t *>(p->last_mark.state.data()),
		                       p->last_mark.state.size()};
		*ret = batch.leave();
		return ORASI_OK;
	});
}

inline orasi_status ingest_schema(void *self, ArrowSchema *ret, orasi_error *err) noexcept
{
	return guard(err, [&]() -> orasi_status {
		*ret = static_cast<ingest *>(self)->current_schema().leave();
		return ORASI_OK;
	});
}

inline orasi_status ingest_close(void *self, orasi_error *err) noexcept
{
	return guard(err, [&]() -> orasi_status {
		static_cast<ingest *>(self)->close();
		return ORASI_OK;
	});
}

#if ORASI_SINCE(1)
inline orasi_status feed_open(void *self, const orasi_ingest_open *open, std::uint64_t *from, ArrowSchema *ret,
                              orasi_error *err) noexcept
{
	return guard(err, [&]() -> orasi_status {
		fed_ingest *p = static_cast<fed_ingest *>(static_cast<ingest *>(self));
		*ret = p->open_fed(*open, *from).leave();
		p->waits = true;
		return ORASI_OK;
	});
}

inline orasi_status feed_feed(void *self, orasi_bytes bytes, std::uint32_t flags, orasi_error *err) noexcept
{
	return guard(err, [&]() -> orasi_status {
		fed_ingest *p = static_cast<fed_ingest *>(static_cast<ingest *>(self));
		p->waits = !(flags & ORASI_FEED_LAST);
		p->feed(bytes_view(bytes), !p->waits);
		return ORASI_OK;
	});
}

inline const void *feed_extension(const char *id) noexcept
{
	static const orasi_ingest_feed table = {sizeof(orasi_ingest_feed), 0, feed_open, feed_feed};
	return std::strcmp(id, ORASI_INGEST_FEED) ? nullptr : &table;
}
#endif

inline orasi_status transform_bind(void *self, const orasi_transform_bind *bind, ArrowSchema *ret, orasi_error *err) noexcept
{
	return guard(err, [&]() -> orasi_status {
		*ret = static_cast<transform *>(self)->bind(*bind->in, bytes_view(bind->state)).leave();
		return ORASI_OK;
	});
}

inline orasi_status transform_process(void *self, ArrowArray *in, orasi_sink *out, orasi_error *err) noexcept
{
	array owned(std::move(*in)); /* released on every way out */
	return guard(err, [&]() -> orasi_status {
		transform::sink sink(out);
		static_cast<transform *>(self)->process(std::move(owned), sink);
		return ORASI_OK;
	});
}

inline orasi_status transform_flush(void *self, orasi_sink *out, orasi_error *err) noexcept
{
	return guard(err, [&]() -> orasi_status {
		transform::sink sink(out);
		static_cast<transform *>(self)->flush(sink);
		return ORASI_OK;
	});
}

inline orasi_status transform_save(void *self, orasi_bytes *ret, orasi_error *err) noexcept
{
	return guard(err, [&]() -> orasi_status {
		transform *p = static_cast<transform *>(self);
		p->saved = p->save();
		*ret = orasi_bytes{reinterpret_cast<const std::uint8_t *>(p->saved.data()), p->saved.size()};
		return ORASI_OK;
	});
}

inline orasi_status task_run(void *self, const orasi_task_run *run, orasi_str *ret, orasi_error *err) noexcept
{
	return guard(err, [&]() -> orasi_status {
		task *p = static_cast<task *>(self);
		p->result = p->run(*run);
		*ret = str(p->result);
		return ORASI_OK;
	});
}

inline orasi_status notifier_deliver(void *self, const orasi_event *const *events, std::uint32_t n, orasi_status *each,
                                     orasi_error *err) noexcept
{
	orasi_status last = ORASI_OK;
	for (std::uint32_t i = 0; i < n; i++) {
		each[i] = guard(err, [&]() -> orasi_status {
			static_cast<notifier *>(self)->deliver(*events[i]);
			return ORASI_OK;
		});
		if (each[i])
			last = each[i];
	}
	return last;
}

inline orasi_status index_begin(void *self, orasi_store *dst, void **ret, orasi_error *err) noexcept
{
	return guard(err, [&]() -> orasi_status {
		*ret = static_cast<index *>(self)->begin(store(dst)).release();
		return ORASI_OK;
	});
}

inline orasi_status index_add(void *build, const ArrowArray *keys, std::uint64_t first_row, orasi_error *err) noexcept
{
	return guard(err, [&]() -> orasi_status {
		static_cast<index::build *>(build)->add(*keys, first_row);
		return ORASI_OK;
	});
}

inline orasi_status index_finish(void *build, orasi_segment_info *ret, orasi_error *err) noexcept
{
	std::unique_ptr<index::build> owned(static_cast<index::build *>(build));
	return guard(err, [&]() -> orasi_status {
		owned->finish(*ret);
		return ORASI_OK;
	});
}

inline orasi_status index_open(void *self, orasi_store *src, void **ret, orasi_segment_info *info,
                               orasi_error *err) noexcept
{
	return guard(err, [&]() -> orasi_status {
		*ret = static_cast<index *>(self)->open(store(src), *info).release();
		return ORASI_OK;
	});
}

inline orasi_status index_query(void *reader, const orasi_query *query, void **ret, orasi_error *err) noexcept
{
	return guard(err, [&]() -> orasi_status {
		*ret = static_cast<const index::reader *>(reader)->query(*query).release();
		return ORASI_OK;
	});
}

inline orasi_status index_next(void *cursor, orasi_hits *hits, orasi_error *err) noexcept
{
	return guard(err, [&]() -> orasi_status {
		return static_cast<index::cursor *>(cursor)->next(*hits) ? ORASI_OK : ORASI_END;
	});
}

inline orasi_status index_estimate(void *reader, const orasi_query *query, std::uint64_t *ret, orasi_error *err) noexcept
{
	return guard(err, [&]() -> orasi_status {
		*ret = static_cast<const index::reader *>(reader)->estimate(*query);
		return ORASI_OK;
	});
}

inline orasi_status index_verify(void *reader, std::uint32_t level, orasi_error *err) noexcept
{
	return guard(err, [&]() -> orasi_status {
		static_cast<const index::reader *>(reader)->verify(level);
		return ORASI_OK;
	});
}

/* One table per kind and bundle; which class an instance is of is decided by the id. */
template <class... P> struct bundle {
	static std::uint32_t count() noexcept { return sizeof...(P); }
	static const orasi_descriptor *describe(std::uint32_t i) noexcept
	{
		const orasi_descriptor *all[] = {descriptor<P>()...};
		return i < sizeof...(P) ? all[i] : nullptr;
	}
	static orasi_status init(const orasi_host *, orasi_error *err) noexcept
	{
		bool whole = (... && (descriptor<P>() != nullptr));
		return whole ? ORASI_OK : tell(err, ORASI_E_NOMEM, "out of memory");
	}
	template <std::uint32_t Kind> static constexpr bool has() { return (... || (P::kind == Kind)); }
	static const void *get_factory(const char *id) noexcept
	{
		static const orasi_ingest_factory ingest_table = {
			sizeof(orasi_ingest_factory), 0, sniff<P...>, create<ingest, P...>, destroy<ingest>, ingest_open, ingest_next,
			ingest_schema, ingest_close, ingest_extension};
		static const orasi_transform_factory transform_table = {
			sizeof(orasi_transform_factory), 0, create<transform, P...>, destroy<transform>, transform_bind,
			transform_process, transform_flush, transform_save, no_extension};
		static const orasi_index_factory index_table = {
			sizeof(orasi_index_factory), 0, index_caps<P...>, create_index<P...>, destroy<index>, index_begin, index_add,
			index_finish, destroy<index::build>, nullptr, index_open, destroy<index::reader>, index_query, index_next,
			destroy<index::cursor>, index_estimate, index_verify, no_extension};
		static const orasi_task_factory task_table = {sizeof(orasi_task_factory), 0, result_schema<P...>,
		                                              create<task, P...>, destroy<task>, task_run, no_extension};
		static const orasi_notifier_factory notifier_table = {sizeof(orasi_notifier_factory), 0, create<notifier, P...>,
		                                                      destroy<notifier>, notifier_deliver, no_extension};
		const struct {
			const char *id;
			const void *table;
			bool offered;
		} tables[] = {{ORASI_INGEST_FACTORY, &ingest_table, has<ORASI_KIND_INGEST>()},
		              {ORASI_INDEX_FACTORY, &index_table, has<ORASI_KIND_INDEX>()},
		              {ORASI_TRANSFORM_FACTORY, &transform_table, has<ORASI_KIND_TRANSFORM>()},
		              {ORASI_TASK_FACTORY, &task_table, has<ORASI_KIND_TASK>()},
		              {ORASI_NOTIFIER_FACTORY, &notifier_table, has<ORASI_KIND_NOTIFIER>()}};
		for (const auto &t : tables)
			if (t.offered && !std::strcmp(t.id, id))
				return t.table;
		return nullptr;
	}
	static const orasi_entry *entry(const char *id, const char *version, const char *vendor, const char *license) noexcept
	{
		static const orasi_entry made = {sizeof(orasi_entry), ORASI_ABI_MAJOR, ORASI_TARGET_MINOR, id, version, vendor,
		                                 license, init, nullptr, count, describe, get_factory, nullptr};
		return &made;
	}
};

} // namespace detail
} // namespace orasi

/* At file scope, once: the note and the entry of a bundle with these classes. */
#define ORASI_BUNDLE(id, version, vendor, license, ...)                                                   \
	ORASI_PLUGIN_NOTE(id, version);                                                                   \
	extern "C" ORASI_EXPORT const orasi_entry *orasi_plugin_entry_v1(void)                            \
	{                                                                                                 \
		return orasi::detail::bundle<__VA_ARGS__>::entry(id, version, vendor, license);           \
	}

#endif
