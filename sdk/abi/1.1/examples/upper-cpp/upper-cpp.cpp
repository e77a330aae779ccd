/* SPDX-License-Identifier: Apache-2.0 */
/* A transform plugin for Orasi in C++: the letters a to z of text columns in upper case.
 *
 * Columns that it does not touch are moved from the batch that comes into the batch that goes, never copied. It keeps
 * nothing between batches, so it says STATELESS and needs neither flush nor save. */
#include <orasi/orasi.hpp>

#define PLUGIN_ID "com.example.upper-cpp"
#define PLUGIN_NAME "upper-cpp"
#define PLUGIN_VERSION "1.0.0"

namespace {

class plugin : public orasi::transform {
public:
	plugin(orasi::host, orasi::config config) : column_(config.text("/column", "")) {}

	static orasi::description describe()
	{
		orasi::description d;
		d.id = PLUGIN_ID;
		d.name = PLUGIN_NAME;
		d.version = PLUGIN_VERSION;
		d.summary = "Text in upper case";
		d.config_schema = R"({"type":"object","additionalProperties":false,"properties":{
			"column":{"type":"string","default":"","description":"The one column to change; empty: all of type text",
				"examples":["text"]}}})";
		d.features = {"transform:" PLUGIN_NAME, "rows:preserve"};
		d.flags = ORASI_FLAG_DETERMINISTIC | ORASI_FLAG_STATELESS;
		return d;
	}

	orasi::schema bind(const ArrowSchema &in, std::string_view) override
	{
		if (!column_.empty() && arrow_schema_find(&in, column_.data(), column_.size()) < 0)
			throw orasi::error(ORASI_E_CONFIG, "there is no column '" + column_ + "'");
		schema_ = orasi::schema(in);
		return schema_.copy();
	}

	void process(orasi::array &&in, sink &out) override
	{
		std::vector<orasi::array> columns;
		for (std::int64_t i = 0; i < in.columns(); i++) {
			const ArrowSchema &column = *schema_.get()->children[i];
			if (is_wanted(column))
				columns.push_back(in_upper_case(column, in.column(i)));
			else
				columns.push_back(in.take(i));
		}
		out.push(orasi::array(in.length(), std::move(columns)));
	}

private:
	bool is_wanted(const ArrowSchema &column) const
	{
		return !std::strcmp(column.format, "u") && (column_.empty() || column_ == column.name);
	}

	static orasi::array in_upper_case(const ArrowSchema &schema, const ArrowArray &column)
	{
		orasi::builder builder(&schema);
		orasi::values values(&schema, &column);
		for (std::int64_t i = 0; i < values.length(); i++) {
			if (values.is_null(i)) {
				builder.whole().null();
				continue;
			}
			std::string text(values.text(i));
			for (char &c : text)
				c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
			builder.whole().text(text);
		}
		return builder.finish();
	}

	std::string column_;
	orasi::schema schema_;
};

} // namespace

ORASI_BUNDLE(PLUGIN_ID, PLUGIN_VERSION, "Example", "Apache-2.0", plugin)
