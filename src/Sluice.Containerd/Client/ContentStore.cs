using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Sluice.Containerd.Grpc;
using Sluice.Containerd.Protos.Content;
using Sluice.Formats;
using Sluice.Formats.Oci;

namespace Sluice.Containerd.Client;

/// <summary>containerd's content store: blobs by digest, with labels that steer garbage collection.</summary>
public sealed class ContentStore
{
    /// <summary>Bytes per message while writing; well below containerd's limit of 16 MiB.</summary>
    private const int ChunkLength = 1 << 20;

    private readonly ContainerdClient _client;

    internal ContentStore(ContainerdClient client) => _client = client;

    /// <summary>Null when the blob is not there.</summary>
    public async Task<ContentInfo?> FindAsync(Digest digest, CancellationToken cancellation)
    {
        try
        {
            InfoResponse response = await _client.CallAsync(ContainerdMethods.ContentInfo, new InfoRequest { Digest = digest.ToString() }, cancellation);
            return ToInfo(response.Info);
        }
        catch (GrpcException exception) when (exception.Status == GrpcStatusCode.NotFound)
        {
            return null;
        }
    }

    public async Task<IReadOnlyList<ContentInfo>> ListAsync(IReadOnlyList<string> filters, CancellationToken cancellation)
    {
        List<ContentInfo> found = [];
        await foreach (ListContentResponse block in _client.StreamAsync(
            ContainerdMethods.ContentList, new ListContentRequest { Filters = { filters } }, cancellation))
        {
            found.AddRange(block.Info.Select(ToInfo));
        }

        return found;
    }

    /// <summary>Reads a whole blob of at most <paramref name="limit"/> bytes. Its bytes are checked against the digest.</summary>
    public async Task<byte[]> ReadAsync(Digest digest, long limit, CancellationToken cancellation)
    {
        using MemoryStream content = new();
        await foreach (ReadContentResponse block in _client.StreamAsync(
            ContainerdMethods.ContentRead, new ReadContentRequest { Digest = digest.ToString() }, cancellation))
        {
            if (content.Length + block.Data.Length > limit) throw new SluiceException(SluiceError.Image, digest.ToString(), $"longer than {limit} bytes");
            content.Write(block.Data.Span);
        }

        byte[] bytes = content.ToArray();
        return Digest.Sha256(bytes) == digest || digest.Algorithm != "sha256"
            ? bytes
            : throw new SluiceException(SluiceError.Runtime, digest.ToString(), "containerd's content store returned other bytes");
    }

    /// <summary>Stores a blob under its digest and sets the labels, also when it was there before.</summary>
    public async Task WriteAsync(ReadOnlyMemory<byte> content, IReadOnlyDictionary<string, string> labels, CancellationToken cancellation)
    {
        Digest digest = Digest.Sha256(content.Span);

        // A reference of our own: a half-written ingest of somebody else must not be continued.
        string reference = $"sluice-{digest}-{Guid.NewGuid():n}";
        try
        {
            await UploadAsync(reference, digest, content, labels, cancellation);
        }
        catch (GrpcException exception) when (exception.Status == GrpcStatusCode.AlreadyExists)
        {
            await SetLabelsAsync(digest, labels, cancellation);
        }
        catch
        {
            await AbortAsync(reference);
            throw;
        }
    }

    /// <summary>Adds or replaces labels; others stay.</summary>
    public async Task SetLabelsAsync(Digest digest, IReadOnlyDictionary<string, string> labels, CancellationToken cancellation)
    {
        if (labels.Count == 0) return;
        UpdateRequest request = new() { Info = new Info { Digest = digest.ToString() }, UpdateMask = new FieldMask() };
        foreach ((string name, string value) in labels)
        {
            request.Info.Labels[name] = value;
            request.UpdateMask.Paths.Add("labels." + name);
        }

        await _client.CallAsync(ContainerdMethods.ContentUpdate, request, cancellation);
    }

    public Task DeleteAsync(Digest digest, CancellationToken cancellation) =>
        _client.CallAsync(ContainerdMethods.ContentDelete, new DeleteContentRequest { Digest = digest.ToString() }, cancellation);

    private static ContentInfo ToInfo(Info info) => new(Digest.Parse(info.Digest), info.Size, info.Labels.ToDictionary(StringComparer.Ordinal));

    private async Task UploadAsync(
        string reference, Digest digest, ReadOnlyMemory<byte> content, IReadOnlyDictionary<string, string> labels, CancellationToken cancellation)
    {
        await using GrpcClientStream<WriteContentRequest, WriteContentResponse> call = _client.Open(ContainerdMethods.ContentWrite, cancellation);
        for (int offset = 0; offset < content.Length; offset += ChunkLength)
        {
            ReadOnlyMemory<byte> chunk = content[offset..Math.Min(content.Length, offset + ChunkLength)];
            WriteContentRequest write = Request(WriteAction.Write, offset);
            write.Data = UnsafeByteOperations.UnsafeWrap(chunk);
            await ExchangeAsync(write);
        }

        WriteContentRequest commit = Request(WriteAction.Commit, content.Length);
        foreach ((string name, string value) in labels) commit.Labels[name] = value;
        await ExchangeAsync(commit);
        await call.CompleteAsync();

        WriteContentRequest Request(WriteAction action, long offset) =>
            new() { Action = action, Ref = reference, Total = content.Length, Expected = digest.ToString(), Offset = offset };

        // Each message is answered, so an error stops the upload at once.
        async Task ExchangeAsync(WriteContentRequest message)
        {
            await call.WriteAsync(message);
            if (await call.ReadAsync() is null) throw new GrpcException(GrpcStatusCode.Internal, "the content store ended the upload early", "containerd");
        }
    }

    private async Task AbortAsync(string reference)
    {
        try
        {
            await _client.CallAsync(ContainerdMethods.ContentAbort, new AbortRequest { Ref = reference }, CancellationToken.None);
        }
        catch (GrpcException)
        {
            // Nothing was begun, or containerd is gone; it drops old ingests itself.
        }
    }
}
