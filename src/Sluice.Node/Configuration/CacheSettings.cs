using Sluice.Storage.Cache;
using YamlDotNet.RepresentationModel;

namespace Sluice.Node.Configuration;

/// <summary>The section <c>cache</c>.</summary>
internal static class CacheSettings
{
    /// <exception cref="Formats.SluiceException">A key is unknown, a value wrong, or the watermarks are the wrong way round.</exception>
    public static CacheOptions Read(CacheOptions options, YamlNode node, string file)
    {
        foreach ((string key, YamlNode value) in ConfigurationFile.Entries(node, file))
        {
            options = key switch
            {
                "quota" => options with { Quota = Share(value, "cache.quota", file) },
                "min_free" => options with { MinFree = Share(value, "cache.min_free", file) },
                "high_watermark" => options with { HighWatermark = ConfigurationFile.Number(value, "cache.high_watermark", file, 1, 100) },
                "low_watermark" => options with { LowWatermark = ConfigurationFile.Number(value, "cache.low_watermark", file, 0, 100) },
                _ => throw ConfigurationFile.Unknown(value, "cache." + key, file, "quota, min_free, high_watermark, low_watermark"),
            };
        }

        return options.LowWatermark <= options.HighWatermark
            ? options
            : throw ConfigurationFile.Wrong(node, file, $"cache.low_watermark is {options.LowWatermark}, above cache.high_watermark, which is {options.HighWatermark}");
    }

    private static DiskShare Share(YamlNode node, string key, string file)
    {
        string text = ConfigurationFile.Scalar(node, key, file);
        return DiskShare.TryParse(text, out DiskShare share)
            ? share
            : throw ConfigurationFile.Wrong(node, file, $"'{key}' is '{text}'; it can be bytes (100GiB, 500MB), a part of the file system (20%), or none");
    }
}
