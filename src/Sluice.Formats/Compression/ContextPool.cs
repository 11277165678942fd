namespace Sluice.Formats.Compression;

/// <summary>Native contexts between uses: a slot or two for each processor, without locks. What finds no slot is disposed.</summary>
internal sealed class ContextPool<T>(Func<T> create)
    where T : class, IDisposable
{
    private readonly T?[] _idle = new T?[2 * Environment.ProcessorCount];

    public T Rent()
    {
        for (int i = 0; i < _idle.Length; i++)
        {
            if (_idle[i] is not null && Interlocked.Exchange(ref _idle[i], null) is { } context) return context;
        }

        return create();
    }

    public void Return(T context)
    {
        for (int i = 0; i < _idle.Length; i++)
        {
            if (_idle[i] is null && Interlocked.CompareExchange(ref _idle[i], context, null) is null) return;
        }

        context.Dispose();
    }
}
