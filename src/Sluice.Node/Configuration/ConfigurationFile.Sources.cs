using Sluice.Formats;
using Sluice.Storage.Sources;
using Sluice.Storage.Sources.Extra;
using YamlDotNet.RepresentationModel;

namespace Sluice.Node.Configuration;

/// <content>Proxies, and places besides registries that blobs come from.</content>
public static partial class ConfigurationFile
{
    private static ProxySettings? Proxy(string? proxy, string? direct, YamlNode node, string file)
    {
        if (proxy == "none") return null;
        try
        {
            return proxy is null ? ProxySettings.FromEnvironment(direct) : new ProxySettings(proxy, proxy, direct);
        }
        catch (SluiceException exception)
        {
            throw new SluiceException(SluiceError.Configuration, $"{file}:{node.Start.Line}", "'registry.proxy' is no address of a proxy", exception.Hint, exception);
        }
    }

    private static IReadOnlyList<ExtraSourceOptions> ExtraSources(YamlNode node, string file)
    {
        if (node is not YamlSequenceNode items) throw Wrong(node, file, "'sources' is a list");
        return [.. items.Select(item => ExtraSource(item, file))];
    }

    private static ExtraSourceOptions ExtraSource(YamlNode node, string file)
    {
        ExtraSourceOptions? source = null;
        foreach ((string key, YamlNode value) in Entries(node, file).OrderBy(entry => entry.Key == "type" ? 0 : 1))
        {
            string name = "sources." + key;
            if (source is null)
            {
                if (key != "type") throw Wrong(node, file, "a source needs a 'type': directory, http or s3");
                source = new ExtraSourceOptions { Kind = Enum.Parse<ExtraSourceKind>(Choice(value, name, file, "directory", "http", "s3"), ignoreCase: true) };
                continue;
            }

            source = (key, source.Kind) switch
            {
                ("images", _) => source with { Images = List(value, name, file) },
                ("order", _) => source with { Order = Enum.Parse<ExtraSourceOrder>(Choice(value, name, file, "first", "last"), ignoreCase: true) },
                ("object", _) => source with { Object = ObjectTemplate(value, file) },
                ("path", ExtraSourceKind.Directory) => source with { Path = AbsolutePath(value, name, file) },
                ("url", ExtraSourceKind.Http) => source with { Address = Address(value, name, file) },
                ("endpoint", ExtraSourceKind.S3) => source with { Address = Address(value, name, file) },
                ("ca", not ExtraSourceKind.Directory) => source with { Authorities = AbsolutePath(value, name, file) },
                ("bucket", ExtraSourceKind.S3) => source with { Bucket = Scalar(value, name, file) },
                ("prefix", ExtraSourceKind.S3) => source with { Prefix = Scalar(value, name, file) },
                ("region", ExtraSourceKind.S3) => source with { Region = Scalar(value, name, file) },
                ("path_style", ExtraSourceKind.S3) => source with { PathStyle = Choice(value, name, file, "true", "false") == "true" },
                ("credentials_file", ExtraSourceKind.S3) => source with { CredentialsFile = AbsolutePath(value, name, file) },
                ("profile", ExtraSourceKind.S3) => source with { Profile = Scalar(value, name, file) },
                _ => throw Unknown(value, name, file, Keys(source.Kind)),
            };
        }

        string? missing = source switch
        {
            null => "type",
            { Kind: ExtraSourceKind.Directory, Path: "" } => "path",
            { Kind: ExtraSourceKind.Http, Address: null } => "url",
            { Kind: ExtraSourceKind.S3, Address: null } => "endpoint",
            { Kind: ExtraSourceKind.S3, Bucket: "" } => "bucket",
            _ => null,
        };
        return missing is null ? source! : throw Wrong(node, file, $"this source lacks '{missing}'");
    }

    private static string Keys(ExtraSourceKind kind) => "type, images, order, object, " + kind switch
    {
        ExtraSourceKind.Directory => "path",
        ExtraSourceKind.Http => "url, ca",
        _ => "endpoint, bucket, prefix, region, path_style, credentials_file, profile, ca",
    };

    private static string ObjectTemplate(YamlNode node, string file)
    {
        string value = Scalar(node, "sources.object", file);
        return value.Contains("{hex}", StringComparison.Ordinal) ? value : throw Wrong(node, file, $"'sources.object' is '{value}', which has no {{hex}}: all blobs would be one");
    }

    private static Uri Address(YamlNode node, string key, string file)
    {
        string value = Scalar(node, key, file);
        return Uri.TryCreate(value, UriKind.Absolute, out Uri? address) && address.Scheme is "http" or "https" && address.Query.Length == 0 && address.UserInfo.Length == 0
            ? address
            : throw Wrong(node, file, $"'{key}' is not an address like https://HOST/PATH, without user and query");
    }

    private static IReadOnlyList<string> List(YamlNode node, string key, string file) =>
        node is YamlSequenceNode items ? [.. items.Select(item => Scalar(item, key, file))] : [Scalar(node, key, file)];
}
