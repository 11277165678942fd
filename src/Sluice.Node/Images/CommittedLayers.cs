using System.Text.Json;
using System.Text.Json.Serialization;
using Sluice.Formats.Oci;

namespace Sluice.Node.Images;

/// <summary>
/// What commits have made of the sealed layers of a disk, in a file beside them: <c>committed.json</c>. Without it they are made again, to
/// the same bytes; so it may be lost, and is not believed where it is damaged.
/// </summary>
internal sealed class CommittedLayers
{
    private const string Name = "committed.json";

    private readonly string _path;
    private readonly Dictionary<string, CommittedBlob> _layers;

    private CommittedLayers(string path, Dictionary<string, CommittedBlob> layers) => (_path, _layers) = (path, layers);

    /// <param name="directory">Of the disk.</param>
    public static CommittedLayers Load(string directory)
    {
        string path = Path.Combine(directory, Name);
        try
        {
            if (File.Exists(path) && JsonSerializer.Deserialize(File.ReadAllBytes(path), CommittedLayersJson.Default.DictionaryStringCommittedBlob) is { } layers) return new CommittedLayers(path, layers);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or JsonException)
        {
            // As if it were not there.
        }

        return new CommittedLayers(path, []);
    }

    /// <param name="uuid">Of the sealed layer.</param>
    public Descriptor? Find(string uuid) =>
        _layers.TryGetValue(uuid, out CommittedBlob? blob) && blob is { MediaType: not null, Annotations: not null } && Digest.TryParse(blob.Digest, out Digest digest)
            ? new Descriptor { MediaType = blob.MediaType, Digest = digest, Size = blob.Size, Annotations = blob.Annotations }
            : null;

    public void Remember(string uuid, Descriptor layer) =>
        _layers[uuid] = new CommittedBlob(layer.MediaType, layer.Digest.ToString(), layer.Size, new Dictionary<string, string>(layer.Annotations!, StringComparer.Ordinal));

    public void Save()
    {
        try
        {
            File.WriteAllBytes(_path + ".new", JsonSerializer.SerializeToUtf8Bytes(_layers, CommittedLayersJson.Default.DictionaryStringCommittedBlob));
            File.Move(_path + ".new", _path, overwrite: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The next commit has more to do.
        }
    }
}

/// <summary>A layer as the manifest has it.</summary>
internal sealed record CommittedBlob(string MediaType, string Digest, long Size, Dictionary<string, string> Annotations);

[JsonSerializable(typeof(Dictionary<string, CommittedBlob>))]
internal sealed partial class CommittedLayersJson : JsonSerializerContext;
